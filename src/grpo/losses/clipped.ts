/** The clipped surrogate objective of PPO, which most of the losses share. */
import type { Surrogate } from './types.js';

/**
 * -min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A): GRPO, Shao et al. 2024 (arXiv:2402.03300), equation
 * 3; with an epsilon_high of its own DAPO, Yu et al. 2025 (arXiv:2503.14476), equation 8. With `delta`, the
 * unclipped term is at most delta A, which bounds what a negative advantage can do: INTELLECT-2, 2025
 * (arXiv:2505.07291).
 */
export const clipped: Surrogate =
  ({ advantage }, { epsilon, epsilonHigh, delta }) =>
  (ratio) => {
    const isCapped = delta !== null && ratio > delta;
    const plain = isCapped ? delta : ratio;
    const isInRange = ratio >= 1 - epsilon && ratio <= 1 + epsilonHigh;
    const clip = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilonHigh);
    // dr / dlog r = r; a capped or clipped ratio is constant and has the derivative 0.
    const plainSlope = isCapped ? 0 : ratio;
    const clipSlope = isInRange ? ratio : 0;
    const [a, b] = [plain * advantage, clip * advantage];
    const slope = a < b ? plainSlope : a > b ? clipSlope : (plainSlope + clipSlope) / 2;
    return { value: -Math.min(a, b), byLogRatio: -slope * advantage, byLogp: 0 };
  };
