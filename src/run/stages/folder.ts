/** Fourth stage: where the run is written, and what it starts from: another run's weights, or its own checkpoint. */
import { GrpoError } from '../../common/errors.js';
import { findWeights } from '../../model/run-weights.js';
import type { TrainExtras } from '../extras.js';
import { findCheckpoint, lineageOf, type Checkpoint } from '../folder/checkpoints.js';
import type { Lineage } from '../folder/environment.js';
import { RunFolder } from '../folder/folder.js';
import { modelName } from '../folder/names.js';
import { changesOf, changeText, refuseMeaningless, type Change } from '../folder/resume.js';
import type { StageOptions } from './options.js';
import type { Subject } from './task.js';

export interface Place {
  /** Undefined: nothing is written. */
  run: RunFolder | undefined;
  /** Model folder that the weights come from where that isn't the option `model` (`init_from`). */
  weights: string | undefined;
  /** The run that those weights are of. */
  lineage: Lineage | undefined;
  resumeFrom: Checkpoint | undefined;
  /** Options that differ from those the resumed run was begun with. */
  changes: Change[];
}

/**
 * Writes nothing, but takes the lock of a run that is resumed.
 * @param config the options as `config.yaml` has them
 * @throws {GrpoError} INIT_FROM, OUTPUT_DIR_HOLDS_RUN, RUN_LOCKED, RESUME_NOTHING, RESUME_CHANGED
 */
export async function folderStage(
  options: StageOptions,
  { task }: Subject,
  config: Record<string, unknown>,
  extras: TrainExtras,
): Promise<Place> {
  const { initFrom } = options;
  const weights = typeof initFrom === 'string' ? await findWeights(initFrom, extras.onNotice) : undefined;
  const lineage = weights === undefined ? undefined : await lineageOf(weights);
  const run = extras.save === false ? undefined : await openRun(options, task.name, extras);
  const resumed = await findResumed(run, options.resume, config, extras);
  return { run, weights, lineage, ...resumed };
}

async function openRun(
  { outputDir, resume, model, preset = null }: StageOptions,
  taskName: string,
  { takeOver = false }: TrainExtras,
): Promise<RunFolder> {
  if (outputDir !== null) return RunFolder.open(outputDir, { resume: resume !== false, takeOver });
  if (resume !== false)
    throw new GrpoError('RESUME_NOTHING', 'there is no run folder to resume from', {
      fix: 'name it: --output-dir runs/NAME --resume',
    });
  const what = preset ?? taskName.replace(/[^\w.-]+/g, '-');
  return RunFolder.unnamed(`${modelName(model)}-${what}`);
}

/** Where a run goes on, and with which options changed. */
async function findResumed(
  run: RunFolder | undefined,
  resume: StageOptions['resume'],
  config: Record<string, unknown>,
  { onNotice }: TrainExtras,
): Promise<Pick<Place, 'resumeFrom' | 'changes'>> {
  if (!run || resume === false) return { resumeFrom: undefined, changes: [] };
  // Before anything is read of it: another process could take the run further meanwhile.
  await run.claim();
  try {
    const resumeFrom = await findCheckpoint(run, typeof resume === 'string' ? resume : undefined, onNotice);
    if (!resumeFrom) {
      onNotice?.(`${run.path} holds no complete checkpoint: the run starts from the beginning`);
      return { resumeFrom, changes: [] };
    }
    const before = (await run.readConfig()) ?? {};
    const changes = changesOf(before, config);
    refuseMeaningless(changes, before, config);
    for (const change of changes) onNotice?.(`resumed with another option: ${changeText(change)}`);
    return { resumeFrom, changes };
  } catch (error) {
    run.release();
    throw error;
  }
}
