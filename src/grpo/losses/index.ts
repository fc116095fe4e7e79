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

/** The loss that `options.lossType` names, of a micro-batch. */
export const policyLoss: LossFunction = (input, options) => LOSSES[options.lossType](input, options);
