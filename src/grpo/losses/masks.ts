/** Masks: which completions and tokens the policy term leaves out. They have no derivative. */

/**
 * Whether a completion is kept. One with a negative advantage is dropped where the mean of log(pi_old / pi)
 * over its tokens is above the threshold: the policy has moved too far from it. DeepSeek-V3.2, 2025
 * (arXiv:2512.02556), equation 9.
 */
export function onPolicy(advantage: number, logRatios: Float64Array, threshold: number): boolean {
  if (advantage >= 0) return true;
  const drift = -logRatios.reduce((sum, value) => sum + value, 0) / Math.max(1, logRatios.length);
  return drift <= threshold;
}

/**
 * The entropy at or above which a token belongs to the `quantile` share of highest entropy: Wang et al. 2025,
 * "Beyond the 80/20 Rule" (arXiv:2506.01939). Interpolated between two entropies as torch.quantile does, in
 * float32.
 * @param entropies of all tokens that are not masked
 */
export function entropyThreshold(entropies: number[], quantile: number): number {
  if (entropies.length === 0) return Infinity;
  const sorted = Float32Array.from(entropies).sort();
  const rank = Math.fround(Math.fround(1 - quantile) * (sorted.length - 1));
  const below = Math.floor(rank);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return Math.fround(low + Math.fround(Math.fround(rank - below) * Math.fround(high - low)));
}
