/** The losses by their names: TRL's `loss_type`. To add one: a file of the same form, and its line here. */
import { bnpo } from './bnpo.js';
import { cispo } from './cispo.js';
import { dapo } from './dapo.js';
import { drGrpo } from './dr_grpo.js';
import { grpo } from './grpo.js';
import { luspo } from './luspo.js';
import { sapo } from './sapo.js';
import type { LossFunction, LossType } from './types.js';
import { vespo } from './vespo.js';

const LOSSES: Record<LossType, LossFunction> = {
  grpo,
  dr_grpo: drGrpo,
  bnpo,
  dapo,
  cispo,
  sapo,
  luspo,
  vespo,
};

/**
 * The built-in loss that `options.lossType` names, of a micro-batch: `grpo`, `dr_grpo`, `bnpo`, `dapo`,
 * `cispo`, `sapo`, `luspo` or `vespo`. docs/losses.md has their formulas.
 *
 * @example
 * ```ts
 * const options = { ...trainOptions({ beta: 0 }), entropyCoef: null };
 * const { loss, dLogps } = policyLoss(
 *   {
 *     logps: [-0.5, -1.2, -0.3],
 *     oldLogps: null,
 *     refLogps: null,
 *     entropies: [0.6, 1.1, 0.4],
 *     lengths: [2, 1],
 *     advantages: [1, -1],
 *     tokensInStep: 3,
 *   },
 *   options,
 * );
 * ```
 */
export const policyLoss: LossFunction = (input, options) => LOSSES[options.lossType](input, options);
