import { groupSums, occurrences } from './groups.js';
import type { Estimator } from './types.js';

/**
 * Draws without replacement: a completion counts π(y) / q(y), q(y) = P(log q(y) + Gumbel > κ) being how likely it
 * is drawn given κ, the greatest perturbed log-prob of what was not drawn (Kool et al. 2019, arXiv:1903.06059,
 * section 4.2). Unbiased.
 */
export const importanceWeighted: Estimator = (groups) => {
  const drawn = occurrences(groups);
  const { drawLogps, thresholds } = groups.withoutReplacement!;
  return groups.logps.map((logp, i) => {
    const inclusion = -Math.expm1(-Math.exp(drawLogps[i]! - thresholds[i]!));
    return (groups.numGenerations * Math.exp(logp)) / inclusion / drawn[i]!;
  });
};

/** The same, divided by their sum (ibid., equation 12): biased, and of less variance. */
export const importanceWeightedNormalised: Estimator = (groups) => {
  const weights = importanceWeighted(groups);
  const sums = groupSums(weights, groups.numGenerations);
  return weights.map(
    (weight, i) => (groups.numGenerations * weight) / sums[Math.floor(i / groups.numGenerations)]!,
  );
};
