/** The clipped surrogate of PPO, which most of the family shares. */
import type { Surrogate } from './types.js';

/**
 * -min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A): GRPO, Shao et al. 2024 (arXiv:2402.03300), equation
 * 3; with an epsilon_high of its own DAPO, Yu et al. 2025 (arXiv:2503.14476), equation 8. With `delta`, r A
 * is held to delta A, which bounds what a negative advantage can do: INTELLECT-2, 2025 (arXiv:2505.07291).
 */
export const clipped: Surrogate =
  ({ advantage }, { epsilon, epsilonHigh, delta }) =>
  (ratio) => {
    const above = delta !== null && ratio > delta;
    const plain = above ? delta : ratio;
    const within = ratio >= 1 - epsilon && ratio <= 1 + epsilonHigh;
    const clip = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilonHigh);
    // dr / dlog r = r; what is held moves no more.
    const plainSlope = above ? 0 : ratio;
    const clipSlope = within ? ratio : 0;
    const [a, b] = [plain * advantage, clip * advantage];
    const slope = a < b ? plainSlope : a > b ? clipSlope : (plainSlope + clipSlope) / 2;
    return { value: -Math.min(a, b), byLogRatio: -slope * advantage, byLogp: 0 };
  };
