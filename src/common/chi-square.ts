/** Pearson's chi-square test of drawn counts against exact probabilities. */

/** Bins that expect fewer draws than this are pooled into one, as the test's approximation asks for. */
const SMALL = 8;

export interface ChiSquare {
  /** Probability of counts at least this far off, if they were drawn from `probabilities`. */
  p: number;
  /** Bins after pooling. */
  bins: number;
  /** Draws of what has probability zero: must be none. */
  impossible: number;
}

export function chiSquare(counts: ArrayLike<number>, probabilities: ArrayLike<number>): ChiSquare {
  const draws = Array.from(counts).reduce((total, count) => total + count, 0);
  const pooled = { expected: 0, observed: 0 };
  const bins: { expected: number; observed: number }[] = [];
  let impossible = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const bin = { expected: probabilities[i]! * draws, observed: counts[i]! };
    if (bin.expected >= SMALL) bins.push(bin);
    else if (bin.expected > 0) {
      pooled.expected += bin.expected;
      pooled.observed += bin.observed;
    } else impossible += bin.observed;
  }
  if (pooled.expected >= SMALL) bins.push(pooled);
  else if (bins.length > 0) {
    // Too small to stand alone: it joins the smallest bin, so that no draw goes unread.
    const smallest = bins.reduce((least, bin) => (bin.expected < least.expected ? bin : least));
    smallest.expected += pooled.expected;
    smallest.observed += pooled.observed;
  }
  const statistic = bins.reduce(
    (total, { expected, observed }) => total + (observed - expected) ** 2 / expected,
    0,
  );
  return {
    p: bins.length < 2 ? 1 : upperGamma((bins.length - 1) / 2, statistic / 2),
    bins: bins.length,
    impossible,
  };
}

/** Regularised upper incomplete gamma function Q(a, x). */
function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let series = term;
    for (let n = 1; n < 1000; n++) series += term *= x / (a + n);
    return 1 - scale * series;
  }
  // Continued fraction from its far end.
  let fraction = 0;
  for (let n = 500; n > 0; n--) fraction = (n * (n - a)) / (x + 2 * n + 1 - a - fraction);
  return scale / (x + 1 - a - fraction);
}

/** Stirling's series, after shifting `a` to where it is exact to 1e-12. */
function logGamma(a: number): number {
  let shift = 0;
  let x = a;
  for (; x < 10; x++) shift -= Math.log(x);
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5);
  return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
