import { lessGroupMean, nanToZero } from './statistics.js';
import type { AdvantageFunction } from './types.js';

/** r - mean of its group: Dr. GRPO, Liu et al. 2025 (arXiv:2503.20783), section 3.2. */
export const none: AdvantageFunction = ({ rewards, numGenerations }) =>
  nanToZero(lessGroupMean(rewards, numGenerations));
