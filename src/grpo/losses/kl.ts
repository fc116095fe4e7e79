import type { Term } from './types.js';

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
