/** Learning-rate schedules by transformers' names, formulas and keyword arguments. */
import { GrpoError } from '../common/errors.js';

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
export type LrSchedulerType = (typeof SCHEDULES)[number];

export interface ScheduleOptions {
  lrSchedulerType: LrSchedulerType;
  learningRate: number;
  /** Steps over which the rate rises from 0; takes precedence over `warmupRatio` when above 0. */
  warmupSteps: number;
  /** Share of all steps to warm up over. */
  warmupRatio: number;
  /** The schedule's own: see `KWARGS`. */
  lrSchedulerKwargs?: Record<string, number> | null;
}

/** Share of the rate after the warm-up: `done` of `left` steps have passed since. */
type Decay = (progress: {
  done: number;
  left: number;
  warmup: number;
  learningRate: number;
  kwargs: Record<string, number>;
}) => number;

/** What a schedule takes beside steps and rate, with transformers' defaults. */
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

/** Time scale of `inverse_sqrt` without one and without a warm-up, in steps. */
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

/** @throws {GrpoError} BAD_OPTION where a schedule is given what it doesn't take, or not what it needs */
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
      `learning_rate is ${learningRate}, and polynomial goes down to ${given.lr_end!}`,
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

/** The learning rate of optimiser step `step`, which counts from 0, of `totalSteps`. */
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
