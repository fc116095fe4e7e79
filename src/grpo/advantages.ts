/**
 * Group-relative advantages (Shao et al. 2024, arXiv:2402.03300, section 4.1): how much better than its
 * group a completion did. `NaN` among the rewards is TRL's None: a function that had nothing to say.
 */

import { weightedSum } from '../data/rewards/combine.js';

export const SCALE_REWARDS = ['group', 'batch', 'none'] as const;
export type ScaleRewards = (typeof SCALE_REWARDS)[number];

export const MULTI_OBJECTIVE_AGGREGATIONS = ['sum_then_normalize', 'normalize_then_sum'] as const;
export type MultiObjectiveAggregation = (typeof MULTI_OBJECTIVE_AGGREGATIONS)[number];

export interface AdvantageOptions {
  numGenerations: number;
  /**
   * Standard deviation that advantages are divided by: the group's, the batch's (Liu et al. 2025,
   * arXiv:2508.08221), or none (Dr. GRPO, Liu et al. 2025, arXiv:2503.20783).
   */
  scaleRewards: ScaleRewards;
  /** Of each reward function; null: 1. */
  rewardWeights?: readonly number[] | null;
  /**
   * Of several reward functions: their weighted sum is normalised, or each is, and then summed (GDPO, 2026,
   * arXiv:2601.05242).
   */
  multiObjectiveAggregation?: MultiObjectiveAggregation;
}

export interface Advantages {
  /** `[completions]` */
  values: Float64Array;
  /** `[completions]` weighted sum over the functions; NaN where none had anything to say. */
  rewards: Float64Array;
  /** `[completions]` whether the group (with `batch`, or normalised before the sum, the batch) has no spread. */
  flat: boolean[];
}

/** What TRL adds to a standard deviation before it divides by it. */
const EPSILON = 1e-4;

/** Below it a standard deviation is nought (the tolerance of `torch.isclose`). */
const NOUGHT = 1e-8;

/** @param perFunction of each reward function, of each completion, group after group */
export function computeAdvantages(
  perFunction: readonly ArrayLike<number>[],
  options: AdvantageOptions,
): Advantages {
  const { numGenerations, scaleRewards, multiObjectiveAggregation = 'sum_then_normalize' } = options;
  const weights = options.rewardWeights ?? null;
  const rewards = weightedSum(perFunction, weights);
  const groupsOf = (values: Float64Array) =>
    Array.from({ length: values.length / numGenerations }, (_, group) =>
      values.subarray(group * numGenerations, (group + 1) * numGenerations),
    );
  let centred: Float64Array;
  let deviations: number[];
  if (multiObjectiveAggregation === 'sum_then_normalize') {
    const groups = groupsOf(rewards);
    const ofBatch = standardDeviation(rewards);
    centred = concatenate(groups.map((group) => minus(group, mean(group))));
    deviations = groups.map((group) => (scaleRewards === 'batch' ? ofBatch : standardDeviation(group)));
  } else {
    const normalised = perFunction.map((values) =>
      concatenate(
        groupsOf(Float64Array.from(values)).map((group) => {
          const deviation = standardDeviation(group) + EPSILON;
          return minus(group, mean(group)).map((value) => value / deviation);
        }),
      ),
    );
    const summed = weightedSum(normalised, weights);
    centred = minus(summed, mean(summed));
    deviations = groupsOf(summed).map(() => standardDeviation(summed));
  }
  const scaled = multiObjectiveAggregation === 'normalize_then_sum' || scaleRewards !== 'none';
  const ofCompletion = (i: number) => deviations[Math.floor(i / numGenerations)]!;
  const values = centred.map((value, i) => {
    const advantage = scaled ? value / (ofCompletion(i) + EPSILON) : value;
    // A completion that nothing was said of moves nothing.
    return Number.isNaN(advantage) ? 0 : advantage;
  });
  return { values, rewards, flat: Array.from(values, (_, i) => ofCompletion(i) <= NOUGHT) };
}

const present = (values: Float64Array) => values.filter((value) => !Number.isNaN(value));

/** Of what is no NaN. */
export function mean(values: Float64Array): number {
  const said = present(values);
  return said.reduce((sum, value) => sum + value, 0) / said.length;
}

/** Of a sample, with n - 1, as torch has it, of what is no NaN. One value has no spread. */
export function standardDeviation(values: Float64Array): number {
  const said = present(values);
  if (said.length < 2) return 0;
  const centre = mean(said);
  return Math.sqrt(said.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (said.length - 1));
}

const minus = (values: Float64Array, centre: number) => values.map((value) => value - centre);

function concatenate(parts: Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}
