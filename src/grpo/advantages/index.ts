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

const ADVANTAGES: Record<ScaleRewards, AdvantageFunction> = { group, batch, none };

/** The advantages that the options name. */
export const groupAdvantages: AdvantageFunction = (groups, options) =>
  (options.multiObjectiveAggregation === 'normalize_then_sum' ? gdpo : ADVANTAGES[options.scaleRewards])(
    groups,
    options,
  );

export interface Advantages {
  /** `[completions]` */
  values: Float64Array;
  /** `[completions]` weighted sum over the functions; NaN where none had anything to say. */
  rewards: Float64Array;
  /** `[completions]` whether the group (with `batch`, or normalised before the sum, the batch) has no spread. */
  flat: boolean[];
}

/**
 * @param perFunction of each reward function, of each completion, group after group; NaN: nothing to say
 * @param advantages in place of those that the options name
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

/** Below it a standard deviation is nought (the tolerance of `torch.isclose`). */
const NOUGHT = 1e-8;

/** Whether a completion's rewards can't tell it from others, as TRL counts `frac_reward_zero_std`: `[completions]`. */
function withoutSpread(groups: RewardedGroups, options: AdvantageOptions): boolean[] {
  const ofBatch = (values: Float64Array) => new Float64Array(values.length).fill(standardDeviation(values));
  const deviations =
    options.multiObjectiveAggregation === 'normalize_then_sum'
      ? ofBatch(normalisedSum(groups, options))
      : options.scaleRewards === 'batch'
        ? ofBatch(groups.rewards)
        : groupDeviations(groups);
  return Array.from(deviations, (deviation) => deviation <= NOUGHT);
}
