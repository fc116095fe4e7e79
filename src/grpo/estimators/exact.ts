import { occurrences } from './groups.js';
import type { Estimator } from './types.js';

/**
 * A distinct completion counts by its probability, however often it was drawn: sum over S of π(y) f(y), S being
 * the distinct completions of the group. What was not drawn is left out, which biases the estimate toward 0 by
 * at most 1 - coverage; within S there is no noise. Draws may come from any distribution.
 */
export const exact: Estimator = (groups) => {
  const drawn = occurrences(groups);
  return groups.logps.map((logp, i) => (groups.numGenerations * Math.exp(logp)) / drawn[i]!);
};
