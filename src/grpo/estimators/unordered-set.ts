import { occurrences } from './groups.js';
import type { Estimator } from './types.js';

/**
 * Draws without replacement: the unordered set estimator (Kool et al. 2020, arXiv:2002.06043, equation 8), the
 * expectation of a single draw's value given the set S that was drawn. A completion counts π(y) R(S, y), the
 * leave-one-out ratio R(S, y) being P(S given that y is drawn first) / P(S). Unbiased; where the draws come from
 * π, the weights of a group add up to its size.
 */
export const unorderedSet: Estimator = (groups) => {
  const { numGenerations: G, logps, first, drawLogps } = groups;
  const drawn = occurrences(groups);
  const weights = new Float64Array(logps.length);
  for (let from = 0; from < logps.length; from += G) {
    const distinct = Array.from({ length: G }, (_, i) => from + i).filter((i) => first[i] === i);
    // Fewer than were asked for are all that there are: P(S) = 1, whatever is drawn first.
    const ratios =
      distinct.length < G
        ? distinct.map(() => 1)
        : leaveOneOutRatios(distinct.map((i) => Math.exp(drawLogps![i]!)));
    distinct.forEach((i, k) => (weights[i] = G * Math.exp(logps[i]!) * ratios[k]!));
  }
  return weights.map((_, i) => weights[first[i]!]! / drawn[i]!);
};

/** Least probability of what was not drawn: less than this is rounding. */
const LEAST_REST = 1e-9;

/**
 * R(S, y) of each y in S, from the probabilities of S.
 *
 * Draws without replacement are the first arrivals of exponential clocks whose rates are the probabilities, so
 * P(S) = ∫ r exp(-r t) Π over S of (1 - exp(-p t)) dt, the rest r = 1 - Σ p arriving after all of S (ibid.,
 * appendix B). Given that y is drawn first, its factor is missing. Over x = log t the integrand is smooth and
 * falls off on both sides, where equal steps are exact to rounding.
 */
function leaveOneOutRatios(probabilities: readonly number[]): number[] {
  const rest = Math.max(LEAST_REST, 1 - probabilities.reduce((sum, p) => sum + p, 0));
  const step = Math.min(0.1, 0.8 / Math.sqrt(probabilities.length));
  const points: { log: number; factors: number[] }[] = [];
  for (let x = -20; x < Math.log(60 / rest); x += step) {
    const t = Math.exp(x);
    const factors = probabilities.map((p) => Math.log(-Math.expm1(-p * t)));
    points.push({ log: x - rest * t + factors.reduce((sum, factor) => sum + factor, 0), factors });
  }
  const highest = points.reduce((most, { log }) => Math.max(most, log), -Infinity);
  const whole = points.reduce((sum, { log }) => sum + Math.exp(log - highest), 0);
  return probabilities.map(
    (_, k) =>
      points.reduce((sum, { log, factors }) => sum + Math.exp(log - factors[k]! - highest), 0) / whole,
  );
}
