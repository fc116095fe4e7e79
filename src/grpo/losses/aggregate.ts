/** How tokens are averaged into one number: all that tells grpo, dr_grpo, bnpo, dapo and luspo apart. */
import type { LossType } from './types.js';

export interface Sizes {
  /** Of the part that is forwarded at once; masked completions count, their tokens don't. */
  completions: number;
  tokens: number;
  /** Of all accumulated parts. */
  tokensInStep: number;
  maxCompletionLength: number;
  /** Accumulated parts, whose losses are summed. */
  parts: number;
}

/** The weight of a token in a completion of `length` tokens. */
type TokenWeight = (length: number, sizes: Sizes) => number;

/** Mean over completions of each one's mean: Shao et al. 2024 (arXiv:2402.03300), equation 3. */
const byCompletion: TokenWeight = (length, { completions, parts }) => 1 / (length * completions * parts);

/** Mean over all tokens of the step: DAPO, Yu et al. 2025 (arXiv:2503.14476), equation 8. */
const byStepToken: TokenWeight = (_, { tokensInStep }) => 1 / Math.max(1, tokensInStep);

export const TOKEN_WEIGHT: Record<LossType, TokenWeight> = {
  grpo: byCompletion,
  sapo: byCompletion,
  /** Mean over the tokens of the part: a batch-normalised policy objective, as TRL names it. */
  bnpo: (_, { tokens, parts }) => 1 / (Math.max(1, tokens) * parts),
  /** A constant for every token: Dr. GRPO, Liu et al. 2025 (arXiv:2503.20783). */
  dr_grpo: (_, { completions, maxCompletionLength, parts }) =>
    1 / (completions * maxCompletionLength * parts),
  dapo: byStepToken,
  cispo: byStepToken,
  vespo: byStepToken,
  /** Sum over a completion's tokens, mean over completions: LUSPO, 2026 (arXiv:2602.05261). */
  luspo: (_, { completions, parts }) => 1 / (completions * parts),
};
