import { clipRatios } from './clip-ratios.js';
import { clipped } from './clipped.js';
import { tokenLoss } from './token-loss.js';

/**
 * Dr. GRPO: the same weight for every token, so that length is no advantage. Liu et al. 2025
 * (arXiv:2503.20783).
 */
export const drGrpo = tokenLoss({
  surrogate: clipped,
  weight: (_, { completions, maxCompletionLength, microBatches }) =>
    1 / (completions * maxCompletionLength * microBatches),
  metrics: clipRatios,
});
