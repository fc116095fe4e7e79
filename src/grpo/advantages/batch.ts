import { EPSILON, lessGroupMean, nanToZero, standardDeviation } from './statistics.js';
import type { AdvantageFunction } from './types.js';

/** (r - mean of its group) / standard deviation of the batch: Liu et al. 2025 (arXiv:2508.08221). */
export const batch: AdvantageFunction = ({ rewards, numGenerations }) => {
  const deviation = standardDeviation(rewards);
  return nanToZero(lessGroupMean(rewards, numGenerations).map((value) => value / (deviation + EPSILON)));
};
