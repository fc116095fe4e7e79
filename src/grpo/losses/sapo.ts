import { z } from 'zod';
import { tokenLoss } from './token-loss.js';
import type { Surrogate } from './types.js';
import { completionMean } from './weights.js';

export const SAPO_OPTIONS = {
  sapo_temperature_pos: z.number().positive().default(1).describe("sapo's temperature, advantage above 0"),
  sapo_temperature_neg: z.number().positive().default(1.05).describe('The same, advantage 0 or below'),
};

/**
 * -(4 / tau) sigmoid(tau (r - 1)) A: a smooth gate in place of clipping; tau depends on the sign of A.
 * SAPO: Gao et al. 2025 (arXiv:2511.20347).
 */
const surrogate: Surrogate = ({ advantage }, { sapoTemperaturePos, sapoTemperatureNeg }) => {
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

export const sapo = tokenLoss({ surrogate, weight: completionMean });
