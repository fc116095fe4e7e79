import { clipRatios } from './clip-ratios.js';
import { clipped } from './clipped.js';
import { tokenLoss } from './token-loss.js';

/** LUSPO: the mean over completions of the sum over each one's tokens. 2026 (arXiv:2602.05261). */
export const luspo = tokenLoss({
  surrogate: clipped,
  weight: (_, { completions, microBatches }) => 1 / (completions * microBatches),
  metrics: clipRatios,
});
