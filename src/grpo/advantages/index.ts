/**
 * Group-relative advantages by name: TRL's `scale_rewards`, and `multi_objective_aggregation` for several
 * rewards. To add one: a file of the same form, and its line here.
 */
import { weightedSum } from '../../data/rewards/combine.js';
import { batch } from './batch.js';
import { gdpo, normalisedSum } from './gdpo.js';
import { estimatorOf } from '../estimators/index.js';
import type { DrawnGroups, EstimatorName } from '../estimators/types.js';
import { group } from './group.js';
import { meanReward } from './mean.js';
import { none } from './none.js';
import { groupDeviations, standardDeviation } from './statistics.js';
import type { AdvantageFunction, AdvantageOptions, RewardedGroups, ScaleRewards } from './types.js';

const ADVANTAGES: Record<ScaleRewards, AdvantageFunction> = { group, batch, none, mean: meanReward };

/**
 * The built-in advantages: those that `scaleRewards` and `multiObjectiveAggregation` name.
 *
 * @example
 * ```ts
 * const rewards = Float64Array.of(1, -1, -1, -1);
 * const groups = { rewardsPerFunction: [rewards], rewards, numGenerations: 4 };
 * groupAdvantages(groups, { numGenerations: 4, scaleRewards: 'none' }); // [1.5, -0.5, -0.5, -0.5]
 * ```
 */
export const groupAdvantages: AdvantageFunction = (groups, options) =>
  (options.multiObjectiveAggregation === 'normalize_then_sum' ? gdpo : ADVANTAGES[options.scaleRewards])(
    groups,
    options,
  );

/** Advantages of completions that were sampled together, group after group. */
export interface Advantages {
  /** `[completions]` the advantage of each. */
  values: Float64Array;
  /**
   * `[completions]` how much each counts in the loss, surrogate and KL alike, as its `estimator` says; null: 1
   * each.
   */
  weights: Float64Array | null;
  /** `[completions]` weighted sum over the reward functions; NaN where none had anything to say. */
  rewards: Float64Array;
  /**
   * `[completions]` whether the rewards of its group are all equal (with `batch` or `normalize_then_sum`: those
   * of the batch), so that there is nothing to learn.
   */
  flat: boolean[];
}

/**
 * Advantages from the values of one or several reward functions.
 *
 * @param perFunction `[functions][completions]` group after group; NaN: nothing to say
 * @param advantages in place of the built-in ones that the options name
 * @param drawn probabilities of the completions, for estimators and baselines that use them
 *
 * @example
 * ```ts
 * const { values } = computeAdvantages([[1, -1, 1, -1]], { numGenerations: 2, scaleRewards: 'group' });
 * ```
 */
export function computeAdvantages(
  perFunction: readonly ArrayLike<number>[],
  options: AdvantageOptions & { estimator?: EstimatorName },
  advantages: AdvantageFunction = groupAdvantages,
  drawn: DrawnGroups | null = null,
): Advantages {
  const { estimator = 'counts', numGenerations } = options;
  const rewards = weightedSum(perFunction, options.rewardWeights ?? null);
  const weights = drawn && estimator !== 'counts' ? estimatorOf(estimator)(drawn) : null;
  const groups = { rewardsPerFunction: perFunction, rewards, numGenerations, weights, drawn };
  return { values: advantages(groups, options), weights, rewards, flat: withoutSpread(groups, options) };
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
