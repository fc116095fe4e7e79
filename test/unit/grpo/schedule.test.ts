import { describe, expect, it } from 'vitest';
import { learningRateAt, SCHEDULES, type LrSchedulerType } from '../../../src/grpo/schedule.js';

/** By transformers 5.23's get_scheduler: rate 5e-6, 20 steps, at the steps below. */
const STEPS = [0, 1, 3, 4, 10, 19];
/** `cosine_with_min_lr` with min_lr_rate 0.1. */
const KWARGS: Partial<Record<LrSchedulerType, Record<string, number>>> = {
  cosine_with_min_lr: { min_lr_rate: 0.1 },
};
const WITHOUT_WARMUP: Record<LrSchedulerType, number[]> = {
  linear: [5e-6, 4.75e-6, 4.25e-6, 4e-6, 2.5e-6, 2.5e-7],
  cosine: [5e-6, 4.96922085e-6, 4.72751631e-6, 4.52254249e-6, 2.5e-6, 3.07791485e-8],
  cosine_with_min_lr: [5e-6, 4.97229877e-6, 4.75476468e-6, 4.57028824e-6, 2.75e-6, 5.27701234e-7],
  cosine_with_restarts: [5e-6, 4.96922085e-6, 4.72751631e-6, 4.52254249e-6, 2.5e-6, 3.07791485e-8],
  polynomial: [5e-6, 4.755e-6, 4.265e-6, 4.02e-6, 2.55e-6, 3.45e-7],
  constant: [5e-6, 5e-6, 5e-6, 5e-6, 5e-6, 5e-6],
  constant_with_warmup: [5e-6, 5e-6, 5e-6, 5e-6, 5e-6, 5e-6],
  inverse_sqrt: [5e-6, 4.99975002e-6, 4.99925017e-6, 4.9990003e-6, 4.99750187e-6, 4.99525676e-6],
};
const FOUR_WARMUP_STEPS: Record<LrSchedulerType, number[]> = {
  linear: [0, 1.25e-6, 3.75e-6, 5e-6, 3.125e-6, 3.125e-7],
  cosine: [0, 1.25e-6, 3.75e-6, 5e-6, 3.45670858e-6, 4.8036799e-8],
  cosine_with_min_lr: [0.0, 1.25e-6, 3.75e-6, 5e-6, 3.61103772e-6, 5.43233119e-7],
  cosine_with_restarts: [0, 1.25e-6, 3.75e-6, 5e-6, 3.45670858e-6, 4.8036799e-8],
  polynomial: [0, 1.25e-6, 3.75e-6, 5e-6, 3.1625e-6, 4.0625e-7],
  constant: [5e-6, 5e-6, 5e-6, 5e-6, 5e-6, 5e-6],
  constant_with_warmup: [0, 1.25e-6, 3.75e-6, 5e-6, 5e-6, 5e-6],
  inverse_sqrt: [0, 1.25e-6, 3.75e-6, 5e-6, 3.16227766e-6, 2.29415734e-6],
};

describe.each(SCHEDULES)('%s', (lrSchedulerType) => {
  it.each([
    ['no warm-up', { warmupSteps: 0, warmupRatio: 0 }, WITHOUT_WARMUP],
    ['warm-up in steps', { warmupSteps: 4, warmupRatio: 0 }, FOUR_WARMUP_STEPS],
    ['warm-up as a share', { warmupSteps: 0, warmupRatio: 0.2 }, FOUR_WARMUP_STEPS],
  ])('%s', (_, warmup, expected) => {
    const rates = STEPS.map((step) =>
      learningRateAt(step, 20, {
        lrSchedulerType,
        learningRate: 5e-6,
        lrSchedulerKwargs: KWARGS[lrSchedulerType] ?? null,
        ...warmup,
      }),
    );
    rates.forEach((rate, i) => expect(Math.abs(rate - expected[lrSchedulerType][i]!)).toBeLessThan(1e-13));
  });
});

it('refuses a rate below the one that polynomial ends at', () => {
  const options = {
    lrSchedulerType: 'polynomial',
    learningRate: 1e-8,
    warmupSteps: 0,
    warmupRatio: 0,
  } as const;
  expect(() => learningRateAt(0, 20, options)).toThrow(/ends at 1e-7/);
});

describe('keyword arguments', () => {
  const rates = (
    lrSchedulerType: LrSchedulerType,
    lrSchedulerKwargs: Record<string, number>,
    learningRate = 5e-6,
  ) =>
    STEPS.map((step) =>
      learningRateAt(step, 20, {
        lrSchedulerType,
        learningRate,
        warmupSteps: 0,
        warmupRatio: 0,
        lrSchedulerKwargs,
      }),
    );
  const close = (given: number[], expected: number[]) =>
    given.forEach((rate, i) => expect(Math.abs(rate - expected[i]!)).toBeLessThan(1e-13));

  it("are transformers'", () => {
    close(rates('cosine_with_min_lr', { min_lr: 5e-7 }), WITHOUT_WARMUP.cosine_with_min_lr);
    close(
      rates('cosine_with_restarts', { num_cycles: 3 }),
      [5e-6, 4.72751631e-6, 2.89108616e-6, 1.72745751e-6, 2.5e-6, 2.7248369e-7],
    );
    close(rates('polynomial', { lr_end: 1e-6, power: 2 }), [5e-6, 4.61e-6, 3.89e-6, 3.56e-6, 2e-6, 1.01e-6]);
  });

  it('are refused where the schedule has none, or lacks one', () => {
    expect(() => rates('linear', { num_cycles: 2 })).toThrow(/num_cycles, which linear doesn't take/);
    expect(() => rates('cosine_with_min_lr', {})).toThrow(/needs one of min_lr and min_lr_rate/);
    expect(() => rates('cosine_with_min_lr', { min_lr: 1e-7, min_lr_rate: 0.1 })).toThrow(/needs one/);
  });
});
