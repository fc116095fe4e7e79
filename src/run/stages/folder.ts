/**
 * Fourth stage: where the run is written, and what it starts from: another run's weights, its own checkpoint, or
 * a checkpoint of the run that it is forked from.
 */
import { basename, dirname } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import type { Task } from '../../data/tasks/task.js';
import { findWeights } from '../../model/run-weights.js';
import type { TrainExtras } from '../extras.js';
import { findCheckpoint, lineageOf, type Checkpoint } from '../folder/checkpoints.js';
import type { Lineage } from '../folder/environment.js';
import { RunFolder } from '../folder/folder.js';
import { findFork, parseForkFrom, type Fork } from '../folder/fork.js';
import { modelName } from '../folder/names.js';
import type { Change } from '../folder/changes.js';
import { changesOf, changeText, refuseMeaningless, refuseOtherData } from '../folder/resume.js';
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
  /** The run that `resumeFrom` is of, where a fork begins; undefined where it is the run's own. */
  fork: Fork | undefined;
  /** Options that differ from those of the run that `resumeFrom` is of. */
  changes: Change[];
}

/**
 * Writes nothing, but takes the lock of a run that is resumed. Of several processes that train together the first
 * one has the run folder; the others start from the same.
 * @param config the options as `config.yaml` has them
 * @throws {GrpoError} INIT_FROM, OUTPUT_DIR_HOLDS_RUN, RUN_LOCKED, RESUME_NOTHING, RESUME_CHECKPOINT,
 *   RESUME_CHANGED, FORK_FROM, FORK_CHANGED, DATASET_CHANGED, RUN_NOT_FOUND
 */
export async function folderStage(
  options: StageOptions,
  { task }: Subject,
  config: Record<string, unknown>,
  extras: TrainExtras,
): Promise<Place> {
  if (!extras.ranks) return openPlace(options, task, config, extras);
  let place: Place | undefined;
  const shared = await extras.ranks.once(async () => {
    place = await openPlace(options, task, config, extras);
    const { weights, lineage, resumeFrom, changes } = place;
    return { weights, lineage, resumeFrom, changes };
  });
  return place ?? { ...shared, run: undefined, fork: undefined };
}

async function openPlace(
  options: StageOptions,
  task: Task,
  config: Record<string, unknown>,
  extras: TrainExtras,
): Promise<Place> {
  const { initFrom, forkFrom = null } = options;
  const weights = typeof initFrom === 'string' ? await findWeights(initFrom, extras.onNotice) : undefined;
  const lineage = weights === undefined ? undefined : await lineageOf(weights);
  const run = extras.save === false ? undefined : await openRun(options, task.name, extras);
  const resumed = await findResumed(run, options, task, config, extras);
  if (forkFrom === null || resumed.resumeFrom) return { run, weights, lineage, fork: undefined, ...resumed };
  try {
    return { run, weights, lineage, ...(await findForked(forkFrom, task, config, extras)) };
  } catch (error) {
    run?.release();
    throw error;
  }
}

async function openRun(
  { outputDir, resume, model, preset = null, forkFrom = null, runName }: StageOptions,
  taskName: string,
  { takeOver = false }: TrainExtras,
): Promise<RunFolder> {
  if (outputDir !== null) return RunFolder.open(outputDir, { resume: resume !== false, takeOver });
  if (resume !== false)
    throw new GrpoError('RESUME_NOTHING', 'there is no run folder to resume from', {
      fix: 'name it: --output-dir runs/NAME --resume',
    });
  if (forkFrom !== null) {
    const { run, name } = parseForkFrom(forkFrom);
    const step = name.replace('checkpoint-', '');
    return RunFolder.unnamed(
      runName?.replace(/[^\w.-]+/g, '-') ?? `${basename(run)}-fork-${step}`,
      dirname(run),
    );
  }
  const what = preset ?? taskName.replace(/[^\w.-]+/g, '-');
  return RunFolder.unnamed(`${modelName(model)}-${what}`);
}

/** Where a run goes on, and with which options changed. */
async function findResumed(
  run: RunFolder | undefined,
  { resume, forkFrom = null }: StageOptions,
  task: Task,
  config: Record<string, unknown>,
  { onNotice }: TrainExtras,
): Promise<Pick<Place, 'resumeFrom' | 'changes'>> {
  if (!run || resume === false) return { resumeFrom: undefined, changes: [] };
  // Before anything is read of it: another process could take the run further meanwhile.
  await run.claim();
  try {
    const resumeFrom = await findCheckpoint(run, typeof resume === 'string' ? resume : undefined, onNotice);
    if (!resumeFrom) {
      const start = forkFrom !== null ? 'where it was forked' : 'from the beginning';
      onNotice?.(`${run.path} holds no complete checkpoint: the run starts ${start}`);
      return { resumeFrom, changes: [] };
    }
    const before = (await run.readConfig()) ?? {};
    const changes = changesOf(before, config);
    refuseMeaningless(changes, before, config);
    refuseOtherData(await run.readJson('env.json'), task.source);
    for (const change of changes) onNotice?.(`resumed with another option: ${changeText(change)}`);
    return { resumeFrom, changes };
  } catch (error) {
    run.release();
    throw error;
  }
}

/** Where a fork begins, and with which options changed. */
async function findForked(
  forkFrom: string,
  task: Task,
  config: Record<string, unknown>,
  { onNotice }: TrainExtras,
): Promise<Pick<Place, 'resumeFrom' | 'fork' | 'changes'>> {
  const { run, name } = parseForkFrom(forkFrom);
  const fork = await findFork(run, name, onNotice);
  const before = (await fork.run.readConfig()) ?? {};
  // The run that is left may be a fork itself.
  const changes = changesOf({ ...before, fork_from: config.fork_from }, config);
  refuseMeaningless(changes, before, config, 'fork');
  refuseOtherData(await fork.run.readJson('env.json'), task.source, 'fork');
  const step = fork.checkpoint.state.global_step;
  onNotice?.([`forked from ${run} after step ${step}`, ...changes.map(changeText)].join('; '));
  return { resumeFrom: fork.checkpoint, fork, changes };
}
