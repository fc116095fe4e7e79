/** A training run from the user's options, a preset's name, or both. */
import { snakeKeys } from '../config/names.js';
import { programSource, resolveConfig } from '../config/load.js';
import type { TrainSummary } from '../run/events.js';
import { TRAIN } from '../run/options.js';
import type { TrainExtras } from '../run/prepare.js';
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

/** All options of a training run, with defaults for those that are not given. */
export function trainOptions(input: TrainInput = {}): TrainOptions {
  return toOptions(trainConfig(input));
}

/**
 * Trains a model. Calls the callbacks in `extras` as it goes, and returns a summary.
 * @throws {GrpoError} for bad options, tasks and models, before anything is written
 */
export const train = async (input: TrainInput = {}, extras: TrainExtras = {}): Promise<TrainSummary> =>
  runTraining(trainConfig(input), extras);
