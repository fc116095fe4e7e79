/** How tokens are averaged into one number: all that tells grpo, dr_grpo, bnpo, dapo and luspo apart. */

/** Counts that a weight may divide by. */
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
  parts: number;
}

/** The weight of each token in a completion of `length` tokens. */
export type TokenWeight = (length: number, sizes: Sizes) => number;

/** Mean over completions of each one's mean: Shao et al. 2024 (arXiv:2402.03300), equation 3. */
export const completionMean: TokenWeight = (length, { completions, parts }) =>
  1 / (length * completions * parts);

/** Mean over all tokens of the step: DAPO, Yu et al. 2025 (arXiv:2503.14476), equation 8. */
export const stepTokenMean: TokenWeight = (_, { tokensInStep }) => 1 / Math.max(1, tokensInStep);
