/** A training run from the user's options, a preset's name, or both. */
import { snakeKeys } from '../config/names.js';
import { programSource, resolveConfig } from '../config/load.js';
import type { TrainSummary } from '../run/events.js';
import { TRAIN } from '../run/options.js';
import type { TrainExtras } from '../run/extras.js';
import { runTraining } from '../run/train.js';
import { toOptions, type TrainConfig, type TrainInput, type TrainOptions } from '../run/train-options.js';
import { trainDefaults } from './train-defaults.js';

/** @throws {GrpoError} UNKNOWN_OPTION, BAD_OPTION, PRESET_NOT_FOUND */
export function trainConfig(input: TrainInput = {}): TrainConfig {
  return resolveConfig(TRAIN, [programSource(snakeTrainInput(input))], trainDefaults);
}

/** A program's options in the form that files have. */
export function snakeTrainInput({ curriculum, ...rest }: TrainInput): Record<string, unknown> {
  const values = snakeKeys(rest);
  if (curriculum !== undefined) values.curriculum = curriculum?.map(snakeKeys) ?? null;
  return values;
}

/**
 * Every option of a training run, given some of them: the others are those of the named preset, else the
 * model's defaults.
 *
 * @throws {GrpoError} UNKNOWN_OPTION, BAD_OPTION, PRESET_NOT_FOUND
 *
 * @example
 * ```ts
 * const { numGenerations, learningRate } = trainOptions({ model: 'tiny' });
 * ```
 */
export function trainOptions(input: TrainInput = {}): TrainOptions {
  return toOptions(trainConfig(input));
}

/**
 * Trains a model with GRPO: samples groups of completions, rewards them, and learns from those that did better
 * than their group. Writes a run folder unless `extras.save` is false.
 *
 * @param input options; what is left out is as `trainOptions` gives it
 * @param extras callbacks, and tasks, rewards, models or algorithms that are objects of the program
 * @throws {GrpoError} before anything is written: UNKNOWN_OPTION, BAD_OPTION, BAD_COMBINATION,
 * PRESET_NOT_FOUND, BATCH_SIZE, STEPS_PER_GENERATION, TOO_MANY_PROMPTS, CURRICULUM, DATASET_EMPTY,
 * TRAIN_SAMPLES, UNIQUE_SAMPLES, PROMPT_EMPTY, PROMPT_TOO_LONG, MEMORY, OUTPUT_DIR_HOLDS_RUN, RUN_LOCKED,
 * RESUME_NOTHING, RESUME_CHECKPOINT, RESUME_STEPS, DATASET_CHANGED, INIT_FROM, TRACKER_SETUP, and the codes of
 * `loadTask` or `loadDatasetTask`, `loadRewards` and `LanguageModel.load`
 * @throws {GrpoError} while it runs, after a checkpoint of the steps taken: REWARD_FAILED, REWARD_COUNT,
 * REWARD_NOT_FINITE, REWARD_TIMEOUT, TASK_FAILED, ALGORITHM_FAILED, ALGORITHM_RESULT, DIVERGED, OUT_OF_MEMORY,
 * DISK_FULL, WRITE_FAILED, RUN_FOLDER_GONE
 *
 * @example
 * ```ts
 * const { after, finalModel } = await train(
 *   { model: 'tiny', task: 'arithmetic', maxSteps: 100 },
 *   { onStep: ({ step, reward, kl }) => console.log(step, reward, kl) },
 * );
 * console.log(after?.accuracy, finalModel);
 * ```
 */
export const train = async (input: TrainInput = {}, extras: TrainExtras = {}): Promise<TrainSummary> =>
  runTraining(trainConfig(input), extras);
