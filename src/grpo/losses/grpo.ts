import { clipRatios } from './clip-ratios.js';
import { clipped } from './clipped.js';
import { tokenLoss } from './token-loss.js';
import { completionMean } from './weights.js';

/**
 * GRPO: the mean over completions of the mean over each one's tokens. Shao et al. 2024 (arXiv:2402.03300),
 * equation 3.
 */
export const grpo = tokenLoss({ surrogate: clipped, weight: completionMean, metrics: clipRatios });
