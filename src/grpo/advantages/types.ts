/** What advantages are made of. Completions lie group after group, `numGenerations` of each prompt. */

export const SCALE_REWARDS = ['group', 'batch', 'none'] as const;
export type ScaleRewards = (typeof SCALE_REWARDS)[number];

export const MULTI_OBJECTIVE_AGGREGATIONS = ['sum_then_normalize', 'normalize_then_sum'] as const;
export type MultiObjectiveAggregation = (typeof MULTI_OBJECTIVE_AGGREGATIONS)[number];

/** Options of a run that its advantages read. */
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

/** The completions that were sampled together, judged. NaN is TRL's None: a function that had nothing to say. */
export interface RewardedGroups {
  /** `[functions][completions]` */
  rewardsPerFunction: readonly ArrayLike<number>[];
  /** `[completions]` weighted sum over the functions; NaN where none had anything to say. */
  rewards: Float64Array;
  /** Completions of a group. */
  numGenerations: number;
}

/**
 * How much better than its group a completion did.
 * @returns `[completions]`; 0 for a completion that is to move nothing
 */
export type AdvantageFunction = (groups: RewardedGroups, options: AdvantageOptions) => Float64Array;
