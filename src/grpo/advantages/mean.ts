import { centred } from './baselines.js';
import { nanToZero } from './statistics.js';
import type { AdvantageFunction } from './types.js';

/**
 * (r - mean of its group) / mean of its group: MaxRL, 2026 (arXiv:2602.02710), equation 9, whose expectation
 * tends to the gradient of log p as the group grows, p being the probability of a right answer. The paper's
 * rewards are 0 and 1; others count from the least reward of the batch up.
 */
export const meanReward: AdvantageFunction = (groups, options) => {
  const least = groups.rewards.reduce((low, reward) => (reward < low ? reward : low), Infinity);
  const above = { ...groups, rewards: groups.rewards.map((reward) => reward - least) };
  return nanToZero(
    centred(above, options).map((value, i) => {
      const mean = above.rewards[i]! - value;
      return value === 0 ? 0 : value / mean;
    }),
  );
};
