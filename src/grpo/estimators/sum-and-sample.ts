import type { Estimator } from './types.js';

/**
 * Sum and sample (Liu et al. 2019, arXiv:1810.04777, equation 5): the distinct completions C of the first half
 * of the group count by their probability; the other half estimates the rest by its draws outside C:
 *
 *   sum over C of π(y) f(y)  +  1 / m * sum over the m later draws outside C of f(y)
 *
 * Unbiased, since C does not depend on the later draws; they must come from π itself.
 */
export const sumAndSample: Estimator = ({ numGenerations, logps, first }) => {
  const summed = Math.ceil(numGenerations / 2);
  const later = numGenerations - summed;
  const weights = new Float64Array(logps.length);
  for (let group = 0; group < logps.length; group += numGenerations)
    for (let i = group; i < group + numGenerations; i++) {
      // A completion of C has its whole weight where it was drawn first.
      if (i < group + summed) weights[i] = first[i] === i ? numGenerations * Math.exp(logps[i]!) : 0;
      else weights[i] = first[i]! < group + summed ? 0 : numGenerations / later;
    }
  return weights;
};
