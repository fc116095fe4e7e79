import { centred } from './baselines.js';
import { EPSILON, groupDeviations, nanToZero } from './statistics.js';
import type { AdvantageFunction } from './types.js';

/**
 * (r - mean of its group) / standard deviation of its group: GRPO, Shao et al. 2024 (arXiv:2402.03300),
 * section 4.1.
 */
export const group: AdvantageFunction = (groups, options) => {
  const deviations = groupDeviations(groups);
  return nanToZero(centred(groups, options).map((value, i) => value / (deviations[i]! + EPSILON)));
};
