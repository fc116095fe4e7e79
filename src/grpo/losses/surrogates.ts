/**
 * The policy term of each loss type: what a token of advantage A adds, with r = pi / pi_old.
 * To be minimised. To add one: a function here, its line in `SURROGATES`, its weight in `aggregate.ts`.
 */
import type { LossOptions, LossType, Term } from './types.js';

export interface Completion {
  advantage: number;
  /** `[tokens]` log(pi / pi_old) */
  logRatios: Float64Array;
}

/** Given a completion, what each of its tokens adds; `ratio` is the token's or the completion's own. */
export type Surrogate = (
  completion: Completion,
  options: LossOptions,
) => (ratio: number, logp: number) => Term;

/**
 * -min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A): GRPO, Shao et al. 2024 (arXiv:2402.03300), equation
 * 3; with an epsilon_high of its own DAPO, Yu et al. 2025 (arXiv:2503.14476), equation 8. With `delta`, r A
 * is held to delta A, which bounds what a negative advantage can do: INTELLECT-2, 2025 (arXiv:2505.07291).
 */
export const clipped: Surrogate =
  ({ advantage }, { epsilon, epsilonHigh, delta }) =>
  (ratio) => {
    const above = delta !== null && ratio > delta;
    const plain = above ? delta : ratio;
    const within = ratio >= 1 - epsilon && ratio <= 1 + epsilonHigh;
    const clip = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilonHigh);
    // dr / dlog r = r; what is held moves no more.
    const plainSlope = above ? 0 : ratio;
    const clipSlope = within ? ratio : 0;
    const [a, b] = [plain * advantage, clip * advantage];
    const slope = a < b ? plainSlope : a > b ? clipSlope : (plainSlope + clipSlope) / 2;
    return { value: -Math.min(a, b), byLogRatio: -slope * advantage, byLogp: 0 };
  };

/**
 * -stop_gradient(min(r, epsilon_high)) A log pi: the ratio is clipped, not the gradient.
 * CISPO: MiniMax-M1, 2025 (arXiv:2506.13585), equations 4 and 5; with the bound above alone: ScaleRL,
 * Khatri et al. 2025 (arXiv:2510.13786).
 */
export const cispo: Surrogate =
  ({ advantage }, { epsilonHigh }) =>
  (ratio, logp) => {
    const weight = Math.min(ratio, epsilonHigh) * advantage;
    return { value: -weight * logp, byLogRatio: 0, byLogp: -weight };
  };

/**
 * -(4 / tau) sigmoid(tau (r - 1)) A: a smooth gate in place of the clip, tau by the sign of A.
 * SAPO: Gao et al. 2025 (arXiv:2511.20347).
 */
export const sapo: Surrogate = ({ advantage }, { sapoTemperaturePos, sapoTemperatureNeg }) => {
  const tau = advantage > 0 ? sapoTemperaturePos : sapoTemperatureNeg;
  return (ratio) => {
    const gate = 1 / (1 + Math.exp(-tau * (ratio - 1)));
    return {
      value: (-4 / tau) * gate * advantage,
      byLogRatio: -4 * gate * (1 - gate) * ratio * advantage,
      byLogp: 0,
    };
  };
};

/**
 * -stop_gradient(phi(w)) A log pi, with phi(w) = e^lambda w^k e^(-lambda w), which is 1 at w = 1, and w the
 * ratio of the whole completion. VESPO, 2026 (arXiv:2602.10693).
 */
export const vespo: Surrogate = (completion, options) => {
  const weight = vespoPhi(completion, options) * completion.advantage;
  return (_, logp) => ({ value: -weight * logp, byLogRatio: 0, byLogp: -weight });
};

/** Where log w is held, as TRL has it. */
const LOG_W = { least: Math.log(1e-8), greatest: 20 };

export function vespoPhi({ advantage, logRatios }: Completion, options: LossOptions): number {
  const [k, lambda] =
    advantage >= 0
      ? [options.vespoKPos, options.vespoLambdaPos]
      : [options.vespoKNeg, options.vespoLambdaNeg];
  const held = Math.max(lambda, 1e-4);
  const sum = logRatios.reduce((total, value) => total + clamp(value, -20, 20), 0);
  const logW = clamp(sum, LOG_W.least, LOG_W.greatest);
  const phi = Math.exp(held + k * logW - held * Math.exp(logW));
  return Number.isFinite(phi) ? phi : 0;
}

const clamp = (value: number, least: number, greatest: number) => Math.min(Math.max(value, least), greatest);

export const SURROGATES: Record<LossType, Surrogate> = {
  grpo: clipped,
  dr_grpo: clipped,
  bnpo: clipped,
  dapo: clipped,
  luspo: clipped,
  cispo,
  sapo,
  vespo,
};
