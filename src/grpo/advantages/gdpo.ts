import { weightedSum } from '../../data/rewards/combine.js';
import { EPSILON, groupsOf, mean, nanToZero, standardDeviation } from './statistics.js';
import type { AdvantageFunction, AdvantageOptions, RewardedGroups } from './types.js';

/** Each reward function's values normalised within their group, then summed by weight: `[completions]`. */
export function normalisedSum(
  { rewardsPerFunction, numGenerations }: RewardedGroups,
  { rewardWeights = null }: AdvantageOptions,
): Float64Array {
  const normalised = rewardsPerFunction.map((values) =>
    Float64Array.from(
      groupsOf(Float64Array.from(values), numGenerations).flatMap((group) => {
        const centre = mean(group);
        const deviation = standardDeviation(group) + EPSILON;
        return Array.from(group, (value) => (value - centre) / deviation);
      }),
    ),
  );
  return weightedSum(normalised, rewardWeights);
}

/**
 * Each reward is normalised within its group, then their weighted sum over the batch: GDPO, 2026
 * (arXiv:2601.05242).
 */
export const gdpo: AdvantageFunction = (groups, options) => {
  const summed = normalisedSum(groups, options);
  const centre = mean(summed);
  const deviation = standardDeviation(summed) + EPSILON;
  return nanToZero(summed.map((value) => (value - centre) / deviation));
};
