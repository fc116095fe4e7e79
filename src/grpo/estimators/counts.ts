import type { Estimator } from './types.js';

/** Each draw counts once: GRPO, Shao et al. 2024 (arXiv:2402.03300), equation 3. Unbiased. */
export const counts: Estimator = ({ logps }) => new Float64Array(logps.length).fill(1);
