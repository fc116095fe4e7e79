/**
 * The train and held-out (test) split: decided by the text of a prompt alone, so it is the same for every
 * seed.
 */
import { hash32 } from '../../common/random.js';
import type { Problem, Split } from './task.js';

/** One problem in five is held out. */
const HELD_OUT = 5;

/**
 * Which split a problem belongs to: one in five is held out, by a hash of its prompt, in every run.
 *
 * @example
 * ```ts
 * splitOf('Calculate: 15 + 8 = '); // 'train' or 'held_out', always the same
 * ```
 */
export function splitOf(prompt: string): Split {
  return hash32(prompt) % HELD_OUT === 0 ? 'held_out' : 'train';
}

export function splitProblems(problems: readonly Problem[], split: Split): Problem[] {
  return problems.filter(({ prompt }) => splitOf(prompt) === split);
}
