import { centred } from './baselines.js';
import { EPSILON, nanToZero, standardDeviation } from './statistics.js';
import type { AdvantageFunction } from './types.js';

/** (r - mean of its group) / standard deviation of the batch: Liu et al. 2025 (arXiv:2508.08221). */
export const batch: AdvantageFunction = (groups, options) => {
  const deviation = standardDeviation(groups.rewards);
  return nanToZero(centred(groups, options).map((value) => value / (deviation + EPSILON)));
};
