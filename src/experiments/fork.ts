/** Forks: training runs that go on from a checkpoint of another run, with other options. */
import { join, resolve } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { programSource, readYaml, resolveConfig, type Source } from '../config/load.js';
import type { TrainSummary } from '../run/events.js';
import type { TrainExtras } from '../run/extras.js';
import { existingRun, findFork } from '../run/folder/fork.js';
import { TRAIN } from '../run/options.js';
import { runTraining } from '../run/train.js';
import type { TrainConfig, TrainInput } from '../run/train-options.js';
import { snakeTrainInput } from './train.js';
import { trainDefaults } from './train-defaults.js';

/** Options of the run that is left which are not the fork's: where it is written, and its name at trackers. */
const ITS_OWN = ['output_dir', 'resume', 'run_name', 'fork_from'];

/** Options of `train` that a fork doesn't take, with the reason. */
const REFUSED: Record<string, string> = {
  preset: 'the options of a fork are those of its run: name the ones that are to be others',
  resume: 'a fork that was interrupted goes on with: train --output-dir FORK --resume',
  fork_from: 'the run is the argument of fork, and --at names its checkpoint',
};

/** A run, and the checkpoint of it that a fork begins at. */
export interface ForkPoint {
  /** Folder of the run. */
  run: string;
  /** Name of the checkpoint, such as `checkpoint-40`; null or absent: the newest whole one. */
  at?: string | null;
}

/**
 * The options of a fork: those of the run that it leaves, where no other is given.
 * @throws {GrpoError} RUN_NOT_FOUND, FORK_FROM, RUN_KIND, USAGE, UNKNOWN_OPTION, BAD_OPTION
 */
export async function forkConfig({ run, at = null }: ForkPoint, given: Source): Promise<TrainConfig> {
  for (const [name, fix] of Object.entries(REFUSED))
    if (given.values[name] !== undefined)
      throw new GrpoError('USAGE', `fork takes no ${given.label(name)}`, { fix, value: name });
  const folder = await existingRun(run);
  const before = readYaml(folder.file('config.yaml'));
  if (!('num_generations' in before.values))
    throw new GrpoError('RUN_KIND', `${run} is a run of sft`, {
      fix: `fork a run of train, or start one from its weights: train --init-from ${run}`,
      value: run,
    });
  const values = Object.fromEntries(
    Object.entries(before.values).filter(([name]) => !ITS_OWN.includes(name)),
  );
  const checkpoint =
    at === null ? (await findFork(run)).checkpoint.path : join(resolve(run), 'checkpoints', at);
  const from = programSource({ fork_from: checkpoint });
  return resolveConfig(TRAIN, [from, given, { ...before, values }], trainDefaults);
}

/**
 * Goes on from a checkpoint of a run with other options, in a run folder of its own: weights, the optimiser's
 * moments, the count of steps, the place in the data and the reference model are those of the checkpoint. The run
 * is not touched. Without other options every step gives bit for bit what the run itself gave.
 *
 * @param from the run, and its checkpoint
 * @param input options that are to be others than the run's
 * @param extras callbacks, and tasks, rewards or algorithms that are objects of the program
 * @throws {GrpoError} before anything is written: RUN_NOT_FOUND, FORK_FROM, RUN_KIND; RESUME_CHECKPOINT where the
 * checkpoint is missing or not whole; FORK_CHANGED for options that decide which prompts a step has; FORK_STEPS
 * where no steps are left; and the codes of `train`
 *
 * @example
 * ```ts
 * await fork({ run: 'runs/base', at: 'checkpoint-100' }, { beta: 0, outputDir: 'runs/no-kl' });
 * ```
 */
export async function fork(
  from: ForkPoint,
  input: TrainInput = {},
  extras: TrainExtras = {},
): Promise<TrainSummary> {
  return runTraining(await forkConfig(from, programSource(snakeTrainInput(input))), extras);
}
