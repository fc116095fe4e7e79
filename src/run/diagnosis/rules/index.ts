/** All rules, the most serious first. To add one: a rule in a file beside this one, and its line here. */
import type { Rule } from '../rule.js';
import { cutOff, oneAnswer } from './completions.js';
import { entropyCollapse } from './entropy.js';
import { gradientExploding, gradientZero } from './gradient.js';
import { groupsWithoutSpread, solved } from './groups.js';
import { heldOutFalling, memorising } from './held-out.js';
import { klRunaway, klStill } from './kl.js';
import { rewardAtMinimum, rewardFlat } from './reward.js';
import { duplicatePrompts, rateEnded } from './setup.js';

export const RULES: readonly Rule[] = [
  oneAnswer,
  gradientZero,
  gradientExploding,
  rewardAtMinimum,
  groupsWithoutSpread,
  entropyCollapse,
  klRunaway,
  klStill,
  memorising,
  heldOutFalling,
  cutOff,
  duplicatePrompts,
  rewardFlat,
  solved,
  rateEnded,
];
