/**
 * Group-relative advantages by name: TRL's `scale_rewards`, and `multi_objective_aggregation` for several
 * rewards. To add one: a file of the same form, and its line here.
 */
import { weightedSum } from '../../data/rewards/combine.js';
import { batch } from './batch.js';
import { gdpo, normalisedSum } from './gdpo.js';
import { group } from './group.js';
import { none } from './none.js';
import { groupDeviations, standardDeviation } from './statistics.js';
import type { AdvantageFunction, AdvantageOptions, RewardedGroups, ScaleRewards } from './types.js';

export const ADVANTAGES: Record<ScaleRewards, AdvantageFunction> = { group, batch, none };

/** Computes the advantages that the options name. */
export const groupAdvantages: AdvantageFunction = (groups, options) =>
  (options.multiObjectiveAggregation === 'normalize_then_sum' ? gdpo : ADVANTAGES[options.scaleRewards])(
    groups,
    options,
  );

export interface Advantages {
  /** `[completions]` */
  values: Float64Array;
  /** `[completions]` Weighted sum over the reward functions; NaN where all of them returned null. */
  rewards: Float64Array;
  /**
   * `[completions]` Whether the rewards of the completion's group have no spread; with `scale_rewards: batch`
   * or `normalize_then_sum`, whether those of the batch have none.
   */
  flat: boolean[];
}

/**
 * @param perFunction `[functions][completions]` rewards, group after group; NaN where a function returned null
 * @param advantages a function to use in place of the one that the options name
 */
export function computeAdvantages(
  perFunction: readonly ArrayLike<number>[],
  options: AdvantageOptions,
  advantages: AdvantageFunction = groupAdvantages,
): Advantages {
  const rewards = weightedSum(perFunction, options.rewardWeights ?? null);
  const groups = { rewardsPerFunction: perFunction, rewards, numGenerations: options.numGenerations };
  return { values: advantages(groups, options), rewards, flat: withoutSpread(groups, options) };
}

/** A standard deviation up to this counts as 0 (the tolerance of `torch.isclose`). */
const ZERO_TOLERANCE = 1e-8;

/**
 * `[completions]` Whether the rewards around a completion have no spread, as TRL counts
 * `frac_reward_zero_std`.
 */
function withoutSpread(groups: RewardedGroups, options: AdvantageOptions): boolean[] {
  const ofBatch = (values: Float64Array) => new Float64Array(values.length).fill(standardDeviation(values));
  const deviations =
    options.multiObjectiveAggregation === 'normalize_then_sum'
      ? ofBatch(normalisedSum(groups, options))
      : options.scaleRewards === 'batch'
        ? ofBatch(groups.rewards)
        : groupDeviations(groups);
  return Array.from(deviations, (deviation) => deviation <= ZERO_TOLERANCE);
}
