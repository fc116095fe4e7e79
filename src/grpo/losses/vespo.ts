import { z } from 'zod';
import { tokenLoss } from './token-loss.js';
import type { CompletionRatios, LossOptions, Surrogate } from './types.js';
import { stepTokenMean } from './weights.js';

export const VESPO_OPTIONS = {
  vespo_k_pos: z.number().min(0).default(2).describe("vespo's exponent, advantage 0 or above"),
  vespo_lambda_pos: z.number().min(0).default(3).describe("vespo's decay, advantage 0 or above"),
  vespo_k_neg: z.number().min(0).default(3).describe("vespo's exponent, advantage below 0"),
  vespo_lambda_neg: z.number().min(0).default(2).describe("vespo's decay, advantage below 0"),
};

/**
 * -stop_gradient(phi(w)) A log pi, with phi(w) = e^lambda w^k e^(-lambda w), which is 1 at w = 1, and w the
 * ratio of the whole completion. VESPO, 2026 (arXiv:2602.10693).
 */
const surrogate: Surrogate = (completion, options) => {
  const weight = phi(completion, options) * completion.advantage;
  return (_, logp) => ({ value: -weight * logp, byLogRatio: 0, byLogp: -weight });
};

/** Range that log w is clamped to, as in TRL. */
const LOG_W = { least: Math.log(1e-8), greatest: 20 };

function phi({ advantage, logRatios }: CompletionRatios, options: LossOptions): number {
  const [k, lambda] =
    advantage >= 0
      ? [options.vespoKPos, options.vespoLambdaPos]
      : [options.vespoKNeg, options.vespoLambdaNeg];
  const decay = Math.max(lambda, 1e-4);
  const sum = logRatios.reduce((total, value) => total + clamp(value, -20, 20), 0);
  const logW = clamp(sum, LOG_W.least, LOG_W.greatest);
  const phi = Math.exp(decay + k * logW - decay * Math.exp(logW));
  return Number.isFinite(phi) ? phi : 0;
}

const clamp = (value: number, least: number, greatest: number) => Math.min(Math.max(value, least), greatest);

export const vespo = tokenLoss({
  surrogate,
  weight: stepTokenMean,
  metrics: (completions, options) => ({
    'vespo/phi_seq_mean':
      completions.reduce((sum, completion) => sum + phi(completion, options), 0) /
      Math.max(1, completions.length),
  }),
});
