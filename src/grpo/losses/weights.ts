/**
 * How the terms of the tokens are averaged: the only difference between grpo, dr_grpo, bnpo, dapo and luspo.
 */

/** Sizes of a micro-batch and its step, by which a weight may divide. */
export interface Sizes {
  /** Completions of the micro-batch, masked ones included. */
  completions: number;
  /** Tokens of the micro-batch that are not masked. */
  tokens: number;
  /** Tokens of all micro-batches of the step that are not masked. */
  tokensInStep: number;
  /** Most tokens of a completion. */
  maxCompletionLength: number;
  /** Micro-batches of the step, whose losses are summed. */
  microBatches: number;
}

/** The weight of each token in a completion of `length` tokens. */
export type TokenWeight = (length: number, sizes: Sizes) => number;

/**
 * The mean over completions of the mean over each one's tokens: Shao et al. 2024 (arXiv:2402.03300), equation
 * 3.
 */
export const completionMean: TokenWeight = (length, { completions, microBatches }) =>
  1 / (length * completions * microBatches);

/** The mean over all tokens of the optimiser step: DAPO, Yu et al. 2025 (arXiv:2503.14476), equation 8. */
export const stepTokenMean: TokenWeight = (_, { tokensInStep }) => 1 / Math.max(1, tokensInStep);
