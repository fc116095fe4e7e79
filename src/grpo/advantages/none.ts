import { centred } from './baselines.js';
import { nanToZero } from './statistics.js';
import type { AdvantageFunction } from './types.js';

/** r - mean of its group: Dr. GRPO, Liu et al. 2025 (arXiv:2503.20783), section 3.2. */
export const none: AdvantageFunction = (groups, options) => nanToZero(centred(groups, options));
