import { cispoClipRatio } from './clip-ratios.js';
import { tokenLoss } from './token-loss.js';
import type { Surrogate } from './types.js';
import { stepTokenMean } from './weights.js';

/**
 * -stop_gradient(min(r, epsilon_high)) A log pi: the ratio is clipped, not the gradient.
 * CISPO: MiniMax-M1, 2025 (arXiv:2506.13585), equations 4 and 5; with the upper bound only: ScaleRL,
 * Khatri et al. 2025 (arXiv:2510.13786).
 */
const surrogate: Surrogate =
  ({ advantage }, { epsilonHigh }) =>
  (ratio, logp) => {
    const weight = Math.min(ratio, epsilonHigh) * advantage;
    return { value: -weight * logp, byLogRatio: 0, byLogp: -weight };
  };

export const cispo = tokenLoss({ surrogate, weight: stepTokenMean, metrics: cispoClipRatio });
