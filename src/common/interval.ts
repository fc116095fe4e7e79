/** A confidence interval of a share, from 0 to 1. */
export interface Interval {
  /** Lower bound. */
  low: number;
  /** Upper bound. */
  high: number;
}

/**
 * 95% Wilson score interval of a share: also right for few trials and for shares near 0 and 1.
 *
 * @param correct successes
 * @param total trials; of none the interval is 0 to 1
 * @returns bounds of the share, both from 0 to 1
 *
 * @example
 * ```ts
 * wilson(70, 100); // { low: 0.604..., high: 0.781... }
 * ```
 */
export function wilson(correct: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 };
  const z = 1.959963984540054;
  const share = correct / total;
  const middle = share + (z * z) / (2 * total);
  const spread = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  const scale = 1 + (z * z) / total;
  // Rounding errors must not put the interval of 0 of 10 below 0.
  return { low: Math.max(0, (middle - spread) / scale), high: Math.min(1, (middle + spread) / scale) };
}
