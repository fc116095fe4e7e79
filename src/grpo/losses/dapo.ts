import { clipRatios } from './clip-ratios.js';
import { clipped } from './clipped.js';
import { tokenLoss } from './token-loss.js';
import { stepTokenMean } from './weights.js';

/** DAPO: the mean over all tokens of the step. Yu et al. 2025 (arXiv:2503.14476), equation 8. */
export const dapo = tokenLoss({ surrogate: clipped, weight: stepTokenMean, metrics: clipRatios });
