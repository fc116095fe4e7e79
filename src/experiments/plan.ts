/** Prepares a training run as `train` does, forecasts it, and stops before the first step. */
import { toOptions, type TrainInput } from '../run/train-options.js';
import { trainConfig } from './train.js';
import type { TrainExtras } from '../run/extras.js';
import { openTraining } from '../run/train.js';
import type { TrainPlan } from '../run/events.js';
import type { Forecast } from '../run/events.js';

/** What `plan` gives. */
export interface Planned {
  /** The run's size: steps, batches, problems, model. */
  plan: TrainPlan;
  /** Its time and memory, and whether there is anything to learn. */
  forecast: Forecast;
}

/**
 * What a training run would be like: loads the model, samples a few steps without learning, and writes nothing.
 *
 * @param input options as for `train`; `resume` is ignored
 * @throws {GrpoError} as `train` would before its first step; MEMORY where the run can't fit into memory
 *
 * @example
 * ```ts
 * const { forecast } = await plan({ model: 'tiny', maxSteps: 400 });
 * if (!forecast.go) console.log(forecast.reasons);
 * ```
 */
export async function plan(input: TrainInput = {}, extras: TrainExtras = {}): Promise<Planned> {
  const config = trainConfig({ ...input, resume: false });
  const training = await openTraining(toOptions(config), { ...extras, save: false }, config);
  try {
    return { plan: training.plan, forecast: await training.forecast() };
  } finally {
    await training.close();
  }
}
