/** What the policy term leaves out. Masks have no derivative. */

/**
 * Whether a completion stays: one of negative advantage that the policy has left, with a mean of
 * log(pi_old / pi) above the threshold, does not. DeepSeek-V3.2, 2025 (arXiv:2512.02556), equation 9.
 */
export function onPolicy(advantage: number, logRatios: Float64Array, threshold: number): boolean {
  if (advantage >= 0) return true;
  const drift = -logRatios.reduce((sum, value) => sum + value, 0) / Math.max(1, logRatios.length);
  return drift <= threshold;
}

/**
 * The entropy from which on a token is among the top `quantile` share: Wang et al. 2025, "Beyond the 80/20
 * Rule" (arXiv:2506.01939). Between two entropies it lies where torch.quantile has it, in float32.
 * @param entropies of all tokens that count
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
