import type { Term } from './types.js';

export const KL_ESTIMATORS = ['k3', 'exact'] as const;
/**
 * How the KL penalty is told: by the token that was drawn (`k3`), or over the whole vocabulary (`exact`; Amini
 * et al. 2025, arXiv:2504.10637).
 */
export type KlEstimator = (typeof KL_ESTIMATORS)[number];

/** Whether a step computes the KL over the whole vocabulary. */
export const hasExactKl = ({ beta, klEstimator }: { beta: number; klEstimator: KlEstimator }): boolean =>
  beta !== 0 && klEstimator === 'exact';

/**
 * The k3 estimate of KL(pi || pi_ref) at one token, pi_ref / pi - log(pi_ref / pi) - 1: Schulman 2020;
 * Shao et al. 2024 (arXiv:2402.03300), equation 4. `corrected`: times the ratio, so that its gradient is
 * that of the reverse KL: DeepSeek-V3.2, 2025 (arXiv:2512.02556).
 */
export function klTerm(logp: number, refLogp: number, ratio: number, corrected: boolean): Term {
  const gap = refLogp - logp;
  const value = Math.exp(gap) - gap - 1;
  const byLogp = 1 - Math.exp(gap);
  return corrected
    ? { value: value * ratio, byLogRatio: value * ratio, byLogp: byLogp * ratio }
    : { value, byLogRatio: 0, byLogp };
}
