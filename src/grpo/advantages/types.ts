/** Types of the advantages. Completions lie group after group, `numGenerations` of each prompt. */

export const SCALE_REWARDS = ['group', 'batch', 'none'] as const;
export type ScaleRewards = (typeof SCALE_REWARDS)[number];

export const MULTI_OBJECTIVE_AGGREGATIONS = ['sum_then_normalize', 'normalize_then_sum'] as const;
export type MultiObjectiveAggregation = (typeof MULTI_OBJECTIVE_AGGREGATIONS)[number];

/** The options of a run that advantage functions read. */
export interface AdvantageOptions {
  numGenerations: number;
  /**
   * Standard deviation that advantages are divided by: the group's, the batch's (Liu et al. 2025,
   * arXiv:2508.08221), or none (Dr. GRPO, Liu et al. 2025, arXiv:2503.20783).
   */
  scaleRewards: ScaleRewards;
  /** Weight of each reward function; null: 1 each. */
  rewardWeights?: readonly number[] | null;
  /**
   * With several reward functions: whether their weighted sum is normalised, or each function before the sum
   * (GDPO, 2026, arXiv:2601.05242).
   */
  multiObjectiveAggregation?: MultiObjectiveAggregation;
}

/**
 * The rewards of the completions that were sampled together. NaN is TRL's None: a function that gives no
 * reward.
 */
export interface RewardedGroups {
  /** `[functions][completions]` */
  rewardsPerFunction: readonly ArrayLike<number>[];
  /** `[completions]` Weighted sum over the reward functions; NaN where all of them returned null. */
  rewards: Float64Array;
  /** Number of completions of a group. */
  numGenerations: number;
}

/**
 * Computes advantages: how much better each completion did than the others of its group.
 * @returns `[completions]`; 0 for a completion that nothing is to be learned from
 */
export type AdvantageFunction = (groups: RewardedGroups, options: AdvantageOptions) => Float64Array;
