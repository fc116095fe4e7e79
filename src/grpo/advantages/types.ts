/** Types of the advantages. Completions lie group after group, `numGenerations` of each prompt. */

import type { DrawnGroups } from '../estimators/types.js';

export const SCALE_REWARDS = ['group', 'batch', 'none', 'mean'] as const;
/**
 * Standard deviation that centred rewards are divided by: of the group (GRPO, Shao et al. 2024,
 * arXiv:2402.03300), of the batch (Liu et al. 2025, arXiv:2508.08221), or none (Dr. GRPO, Liu et al. 2025,
 * arXiv:2503.20783). `mean`: not a deviation, but the group's mean reward (MaxRL, 2026, arXiv:2602.02710).
 */
export type ScaleRewards = (typeof SCALE_REWARDS)[number];

export const BASELINES = ['mean', 'leave_one_out'] as const;
/**
 * What a reward is compared with: the mean of its group (GRPO), or of the group's other completions (RLOO,
 * Ahmadian et al. 2024, arXiv:2402.14740); by the estimator's weights.
 */
export type Baseline = (typeof BASELINES)[number];

export const MULTI_OBJECTIVE_AGGREGATIONS = ['sum_then_normalize', 'normalize_then_sum'] as const;
/**
 * With several reward functions: their weighted sum is normalised, or each is normalised and then summed (GDPO,
 * 2026, arXiv:2601.05242).
 */
export type MultiObjectiveAggregation = (typeof MULTI_OBJECTIVE_AGGREGATIONS)[number];

/** Options of a run that advantages depend on. */
export interface AdvantageOptions {
  /** Completions of a prompt (the group size G). */
  numGenerations: number;
  /** What centred rewards are divided by. */
  scaleRewards: ScaleRewards;
  /** What a reward is compared with; default `mean`. */
  baseline?: Baseline;
  /** `[functions]` weight of each reward function; null (default): 1 each. */
  rewardWeights?: readonly number[] | null;
  /** How several reward functions are put together; default `sum_then_normalize`. */
  multiObjectiveAggregation?: MultiObjectiveAggregation;
}

/**
 * Completions that were sampled together, with their rewards: the groups one after another. NaN where a reward
 * function had nothing to say of a completion (TRL's None).
 */
export interface RewardedGroups {
  /** `[functions][completions]` rewards of each function. */
  rewardsPerFunction: readonly ArrayLike<number>[];
  /** `[completions]` Weighted sum over the reward functions; NaN where all of them returned null. */
  rewards: Float64Array;
  /** Completions of a group (G). */
  numGenerations: number;
  /** `[completions]` how much each counts in means; null or absent: 1 each. */
  weights?: Float64Array | null;
  /** Probabilities of the completions under the policy, where they are known. */
  drawn?: DrawnGroups | null;
}

/**
 * How much better than its group a completion did. Pure.
 *
 * @returns `[completions]` finite numbers; 0 for a completion that is not to be learned from
 */
export type AdvantageFunction = (groups: RewardedGroups, options: AdvantageOptions) => Float64Array;
