/** Prepares a training run as `train` does, forecasts it, and stops before the first step. */
import { toOptions, type TrainInput } from '../run/train-options.js';
import { trainConfig } from './train.js';
import type { TrainExtras } from '../run/prepare.js';
import { openTraining } from '../run/train.js';
import type { TrainPlan } from '../run/events.js';
import type { Forecast } from '../run/events.js';

/**
 * Forecasts a training run (memory, time, whether groups have a spread of rewards) without writing anything.
 * @throws {GrpoError} the errors of `train`; MEMORY if the run can't fit into memory
 */
export async function plan(
  input: TrainInput = {},
  extras: TrainExtras = {},
): Promise<{ plan: TrainPlan; forecast: Forecast }> {
  const config = trainConfig({ ...input, resume: false });
  const training = await openTraining(toOptions(config), { ...extras, save: false }, config);
  try {
    return { plan: training.plan, forecast: await training.forecast() };
  } finally {
    await training.close();
  }
}
