/**
 * The splits of a task's problems: decided by the text of a prompt alone, so they are the same for every seed.
 */
import { hash32 } from '../../common/random.js';
import type { Problem, Split } from './task.js';

/** One problem in five is held out. */
const HELD_OUT = 5;
/** One in ten is for validation: where the hash leaves a remainder of 1, so that none of them is held out. */
const VALIDATION = 10;

/**
 * Which split a problem belongs to: one in five is held out, by a hash of its prompt, in every run. In a run that
 * chooses by validation problems, another one in ten is for validation, by the same hash.
 *
 * @param options `validation`: whether there are validation problems; without them (default) they are trained on
 *
 * @example
 * ```ts
 * splitOf('Calculate: 15 + 8 = '); // 'train' or 'held_out', always the same
 * ```
 */
export function splitOf(prompt: string, { validation = false }: { validation?: boolean } = {}): Split {
  const hash = hash32(prompt);
  if (hash % HELD_OUT === 0) return 'held_out';
  return validation && hash % VALIDATION === 1 ? 'validation' : 'train';
}

/** @param options as for `splitOf`; of the split `validation` there always are */
export function splitProblems(
  problems: readonly Problem[],
  split: Split,
  { validation = split === 'validation' }: { validation?: boolean } = {},
): Problem[] {
  return problems.filter((problem) => ownSplit(problem, validation) === split);
}

/** A dataset that comes in splits keeps them; validation problems are taken from those to train on. */
function ownSplit({ prompt, split }: Problem, validation: boolean): Split {
  if (split === 'held_out') return split;
  const hashed = splitOf(prompt, { validation });
  if (split === undefined || hashed === 'validation') return hashed;
  return 'train';
}
