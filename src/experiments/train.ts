/** A training run as one asks for it: by options, by a preset's name, or both. */
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
  const { curriculum, ...rest } = input;
  const values = snakeKeys(rest);
  if (curriculum !== undefined) values.curriculum = curriculum?.map(snakeKeys) ?? null;
  return resolveConfig(TRAIN, [programSource(values)], trainDefaults);
}

/** Every option of a training run, from some of them. */
export function trainOptions(input: TrainInput = {}): TrainOptions {
  return toOptions(trainConfig(input));
}

/**
 * A whole training run. It follows the options, tells `extras` what happens, and gives what it came to.
 * @throws {GrpoError} whatever is wrong with the options, the task or the model, before anything is written
 */
export const train = async (input: TrainInput = {}, extras: TrainExtras = {}): Promise<TrainSummary> =>
  runTraining(trainConfig(input), extras);
