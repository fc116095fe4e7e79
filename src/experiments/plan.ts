/** `train`, up to its first step. */
import { toOptions, type TrainInput } from '../run/train-options.js';
import { trainConfig } from './train.js';
import type { TrainExtras } from '../run/extras.js';
import { openTraining } from '../run/train.js';
import type { TrainPlan } from '../run/events.js';
import type { Forecast } from '../run/events.js';

/**
 * Says what a training run would be like, and writes nothing.
 * @throws {GrpoError} as `train` would: MEMORY, where the run can't fit into memory
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
