import { clipRatios } from './clip-ratios.js';
import { clipped } from './clipped.js';
import { tokenLoss } from './token-loss.js';

/** BNPO, as TRL names it: the mean over the tokens of the micro-batch. */
export const bnpo = tokenLoss({
  surrogate: clipped,
  weight: (_, { tokens, microBatches }) => 1 / (Math.max(1, tokens) * microBatches),
  metrics: clipRatios,
});
