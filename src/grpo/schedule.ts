/** Learning-rate schedules by transformers' names, formulas and keyword arguments. */
import { GrpoError } from '../common/errors.js';

/** Names of the learning-rate schedules; they are transformers', with its formulas. */
export const SCHEDULES = [
  'linear',
  'cosine',
  'cosine_with_min_lr',
  'cosine_with_restarts',
  'polynomial',
  'constant',
  'constant_with_warmup',
  'inverse_sqrt',
] as const;
/** Name of a learning-rate schedule. */
export type LrSchedulerType = (typeof SCHEDULES)[number];

/** Options of a run that its learning rate depends on. */
export interface ScheduleOptions {
  /** Which schedule. */
  lrSchedulerType: LrSchedulerType;
  /** AdamW step size at its highest. */
  learningRate: number;
  /** Steps over which the rate rises from 0; above 0, `warmupRatio` is not read. */
  warmupSteps: number;
  /** Share of all steps over which the rate rises from 0. */
  warmupRatio: number;
  /**
   * The schedule's own: `num_cycles`, `min_lr`, `min_lr_rate`, `power`, `lr_end`, `timescale`. Null: their
   * defaults.
   */
  lrSchedulerKwargs?: Record<string, number> | null;
}

/** The share of `learningRate` that applies when `done` of the `left` steps after the warm-up have passed. */
type Decay = (progress: {
  done: number;
  left: number;
  warmup: number;
  learningRate: number;
  kwargs: Record<string, number>;
}) => number;

/** Keyword arguments (`lr_scheduler_kwargs`) of each schedule, with transformers' defaults. */
const KWARGS: Record<LrSchedulerType, Record<string, number | undefined>> = {
  linear: {},
  cosine: { num_cycles: 0.5 },
  cosine_with_min_lr: { num_cycles: 0.5, min_lr: undefined, min_lr_rate: undefined },
  cosine_with_restarts: { num_cycles: 1 },
  polynomial: { lr_end: 1e-7, power: 1 },
  constant: {},
  constant_with_warmup: {},
  inverse_sqrt: { timescale: undefined },
};

/** Default time scale of `inverse_sqrt` in a run without a warm-up, in steps. */
const INVERSE_SQRT_TIMESCALE = 10_000;

const wave = (done: number, left: number, cycles: number) =>
  0.5 * (1 + Math.cos((Math.PI * cycles * 2 * done) / left));

const DECAY: Record<LrSchedulerType, Decay> = {
  constant: () => 1,
  constant_with_warmup: () => 1,
  linear: ({ done, left }) => Math.max(0, 1 - done / left),
  cosine: ({ done, left, kwargs }) => Math.max(0, wave(done, left, kwargs.num_cycles!)),
  cosine_with_min_lr: ({ done, left, learningRate, kwargs }) => {
    const least = kwargs.min_lr_rate ?? kwargs.min_lr! / learningRate;
    return Math.max(0, wave(done, left, kwargs.num_cycles!) * (1 - least) + least);
  },
  // Each cycle is a cosine that starts anew at its end.
  cosine_with_restarts: ({ done, left, kwargs }) =>
    done >= left ? 0 : 0.5 * (1 + Math.cos(Math.PI * (((done / left) * kwargs.num_cycles!) % 1))),
  polynomial: ({ done, left, learningRate, kwargs }) => {
    const end = kwargs.lr_end! / learningRate;
    return done > left ? end : (1 - end) * (1 - done / left) ** kwargs.power! + end;
  },
  inverse_sqrt: ({ done, warmup, kwargs }) => {
    const scale = kwargs.timescale ?? (warmup || INVERSE_SQRT_TIMESCALE);
    return Math.sqrt(scale / (done + scale));
  },
};

/**
 * @throws {GrpoError} BAD_OPTION where a keyword argument is unknown, is missing, or does not fit the
 *   learning rate
 */
export function checkSchedule({ lrSchedulerType, learningRate, lrSchedulerKwargs }: ScheduleOptions): void {
  const known = Object.keys(KWARGS[lrSchedulerType]);
  for (const name of Object.keys(lrSchedulerKwargs ?? {})) {
    if (known.includes(name)) continue;
    throw new GrpoError(
      'BAD_OPTION',
      `lr_scheduler_kwargs has ${name}, which ${lrSchedulerType} doesn't take`,
      {
        fix:
          known.length > 0
            ? `it takes ${known.join(', ')}`
            : 'leave it out, or choose another lr_scheduler_type',
        value: name,
      },
    );
  }
  const given = { ...KWARGS[lrSchedulerType], ...lrSchedulerKwargs };
  if (lrSchedulerType === 'polynomial' && learningRate <= given.lr_end!)
    throw new GrpoError(
      'BAD_OPTION',
      `learning_rate is ${learningRate}, and the schedule polynomial ends at ${given.lr_end!}`,
      {
        fix: `use a learning_rate above ${given.lr_end!}, or another lr_scheduler_type`,
        value: learningRate,
      },
    );
  if (
    lrSchedulerType === 'cosine_with_min_lr' &&
    (given.min_lr === undefined) === (given.min_lr_rate === undefined)
  )
    throw new GrpoError('BAD_OPTION', 'cosine_with_min_lr needs one of min_lr and min_lr_rate', {
      fix: 'set lr_scheduler_kwargs, such as min_lr_rate=0.1: a tenth of learning_rate',
      value: lrSchedulerKwargs,
    });
}

/**
 * Learning rate of an optimiser step.
 *
 * @param step from 0
 * @param totalSteps of the run
 * @throws {GrpoError} BAD_OPTION where `lrSchedulerKwargs` has what the schedule doesn't take, or lacks what it
 * needs
 *
 * @example
 * ```ts
 * const options = { lrSchedulerType: 'linear', learningRate: 1e-5, warmupSteps: 0, warmupRatio: 0 } as const;
 * learningRateAt(50, 100, options); // 5e-6
 * ```
 */
export function learningRateAt(step: number, totalSteps: number, options: ScheduleOptions): number {
  const { lrSchedulerType, learningRate, warmupSteps, warmupRatio } = options;
  checkSchedule(options);
  if (lrSchedulerType === 'constant') return learningRate;
  const warmup = warmupSteps > 0 ? warmupSteps : Math.ceil(totalSteps * warmupRatio);
  if (step < warmup) return learningRate * (step / Math.max(1, warmup));
  const kwargs = { ...KWARGS[lrSchedulerType], ...options.lrSchedulerKwargs } as Record<string, number>;
  const left = Math.max(1, totalSteps - warmup);
  return learningRate * DECAY[lrSchedulerType]({ done: step - warmup, left, warmup, learningRate, kwargs });
}
