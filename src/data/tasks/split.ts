/** What is trained on and what is judged by: decided by a problem's own text, whatever the seed. */
import { hash32 } from '../../common/random.js';
import type { Problem, Split } from './task.js';

/** One problem in five is held out. */
const HELD_OUT = 5;

export function splitOf(prompt: string): Split {
  return hash32(prompt) % HELD_OUT === 0 ? 'held_out' : 'train';
}

export function splitProblems(problems: readonly Problem[], split: Split): Problem[] {
  return problems.filter(({ prompt }) => splitOf(prompt) === split);
}
