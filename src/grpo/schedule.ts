/** Learning-rate schedules by transformers' names and formulas. */
import { GrpoError } from '../errors.js';

export const SCHEDULES = [
  'linear',
  'cosine',
  'cosine_with_restarts',
  'polynomial',
  'constant',
  'constant_with_warmup',
  'inverse_sqrt',
] as const;
export type LrSchedulerType = (typeof SCHEDULES)[number];

export interface ScheduleOptions {
  lrSchedulerType: LrSchedulerType;
  learningRate: number;
  /** Steps over which the rate rises from 0; takes precedence over `warmupRatio` when above 0. */
  warmupSteps: number;
  /** Share of all steps to warm up over. */
  warmupRatio: number;
}

/** Where `polynomial` ends, as in transformers. */
const POLYNOMIAL_END = 1e-7;

/** Time scale of `inverse_sqrt` without a warm-up, in steps. */
const INVERSE_SQRT_TIMESCALE = 10_000;

/** Share of the rate after the warm-up: `done` of `left` steps have passed since. */
type Decay = (done: number, left: number, warmup: number, learningRate: number) => number;

const DECAY: Record<LrSchedulerType, Decay> = {
  constant: () => 1,
  constant_with_warmup: () => 1,
  linear: (done, left) => Math.max(0, 1 - done / left),
  cosine: (done, left) => Math.max(0, 0.5 * (1 + Math.cos((Math.PI * done) / left))),
  // One cycle is a cosine that would start anew at its end, where it is nought instead.
  cosine_with_restarts: (done, left) => (done >= left ? 0 : 0.5 * (1 + Math.cos((Math.PI * done) / left))),
  polynomial: (done, left, _, rate) => {
    const end = POLYNOMIAL_END / rate;
    return done > left ? end : (1 - end) * (1 - done / left) + end;
  },
  inverse_sqrt: (done, _, warmup) => {
    const scale = warmup || INVERSE_SQRT_TIMESCALE;
    return Math.sqrt(scale / (done + scale));
  },
};

/** The learning rate of optimiser step `step`, which counts from 0, of `totalSteps`. */
export function learningRateAt(step: number, totalSteps: number, options: ScheduleOptions): number {
  const { lrSchedulerType, learningRate, warmupSteps, warmupRatio } = options;
  if (lrSchedulerType === 'constant') return learningRate;
  if (lrSchedulerType === 'polynomial' && learningRate <= POLYNOMIAL_END) {
    throw new GrpoError(
      'BAD_OPTION',
      `learning_rate is ${learningRate}, and polynomial goes down to ${POLYNOMIAL_END}`,
      {
        fix: `use a learning_rate above ${POLYNOMIAL_END}, or another lr_scheduler_type`,
        value: learningRate,
      },
    );
  }
  const warmup = warmupSteps > 0 ? warmupSteps : Math.ceil(totalSteps * warmupRatio);
  if (step < warmup) return learningRate * (step / Math.max(1, warmup));
  const left = Math.max(1, totalSteps - warmup);
  return learningRate * DECAY[lrSchedulerType](step - warmup, left, warmup, learningRate);
}
