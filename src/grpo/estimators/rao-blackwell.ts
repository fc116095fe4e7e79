import { occurrences } from './groups.js';
import type { Estimator } from './types.js';

/**
 * How often each completion was drawn is replaced by how often it is drawn in expectation, given which distinct
 * completions S the group has: E[n(y) | S] in place of n(y). Unbiased, as counting is, and never of more
 * variance (Rao and Blackwell; Kool et al. 2020, arXiv:2002.06043, do this for draws without replacement).
 * Draws must come from π itself.
 *
 * Given S, the counts are multinomial with each at least 1: their probabilities are proportional to the product
 * of π(y)^n(y) / n(y)!. The sums over all counts that add up to G are products of polynomials of degree G.
 */
export const raoBlackwell: Estimator = ({ numGenerations: G, logps, first }) => {
  const weights = new Float64Array(logps.length);
  for (let from = 0; from < logps.length; from += G) {
    const distinct = Array.from({ length: G }, (_, i) => from + i).filter((i) => first[i] === i);
    const expected = expectedCounts(
      distinct.map((i) => logps[i]!),
      G,
    );
    distinct.forEach((i, k) => (weights[i] = expected[k]!));
  }
  const drawn = occurrences({ first });
  return weights.map((_, i) => weights[first[i]!]! / drawn[i]!);
};

/** Of the most probable completion's: what is rarer still was drawn once, as this is. */
const LEAST_SHARE = 1e-300;

/** `[distinct]` E[n(y)] of G draws, given that these and no others were drawn. They add up to G. */
function expectedCounts(logps: readonly number[], G: number): number[] {
  if (logps.length === 1) return [G];
  // A common factor of all π(y) cancels. They add up to G, so that the products are largest near degree G, which
  // is the one that is read.
  const largest = Math.max(...logps);
  const shares = logps.map((logp) => Math.max(LEAST_SHARE, Math.exp(logp - largest)));
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const series = shares.map((share) => atLeastOnce((G * share) / whole, G));
  // Products of all series before each, and of all after it.
  const before = products(series, G);
  const after = products(series.toReversed(), G).reverse();
  return series.map((own, k) => {
    const others = product(before[k]!, after[k]!, G);
    let sum = 0;
    let whole = 0;
    for (let n = 1; n <= G; n++) {
      const term = own[n]! * others[G - n]!;
      sum += n * term;
      whole += term;
    }
    return sum / whole;
  });
}

/** `[G + 1]` exp(-x) x^n / n! for n = 0 to G, without n = 0. */
function atLeastOnce(x: number, G: number): Float64Array {
  const series = new Float64Array(G + 1);
  for (let n = 1, log = Math.log(x) - x; n <= G; log += Math.log(x / ++n)) series[n] = Math.exp(log);
  return series;
}

/** Products of the first 0, 1, 2, ... series. */
function products(series: readonly Float64Array[], G: number): Float64Array[] {
  const one = new Float64Array(G + 1);
  one[0] = 1;
  const all: Float64Array[] = [one];
  for (const next of series.slice(0, -1)) all.push(product(all.at(-1)!, next, G));
  return all;
}

/** Coefficients up to degree G, scaled so that the largest is 1: a common factor does not matter. */
function product(a: Float64Array, b: Float64Array, G: number): Float64Array {
  const result = new Float64Array(G + 1);
  for (let i = 0; i <= G; i++) {
    if (a[i] === 0) continue;
    for (let j = 0; i + j <= G; j++) result[i + j]! += a[i]! * b[j]!;
  }
  const largest = result.reduce((most, value) => Math.max(most, value), 0);
  return result.map((value) => value / largest);
}
