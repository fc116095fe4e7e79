import { clipRatios } from './clip-ratios.js';
import { clipped } from './clipped.js';
import { tokenLoss } from './token-loss.js';

/** LUSPO: the sum over a completion's tokens, the mean over completions. 2026 (arXiv:2602.05261). */
export const luspo = tokenLoss({
  surrogate: clipped,
  weight: (_, { completions, parts }) => 1 / (completions * parts),
  metrics: clipRatios,
});
