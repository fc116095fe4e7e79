/** What the token tree knows of a group: its distinct completions, and how much of the policy they cover. */
import type { DrawnGroups } from './types.js';

/** `[completions]` How often the tokens of each were drawn in its group. */
export function occurrences({ first }: Pick<DrawnGroups, 'first'>): Int32Array {
  const counts = new Int32Array(first.length);
  for (const position of first) counts[position]!++;
  return first.map((position) => counts[position]!);
}

/**
 * `[completions]` Position of the first completion of the same group with the same tokens.
 *
 * @param completions token ids of each, group after group
 */
export function firstOccurrences(
  completions: readonly ArrayLike<number>[],
  numGenerations: number,
): Int32Array {
  let seen = new Map<string, number>();
  return Int32Array.from(completions, (ids, i) => {
    if (i % numGenerations === 0) seen = new Map();
    const key = Array.from(ids).join();
    const known = seen.get(key);
    if (known === undefined) seen.set(key, i);
    return known ?? i;
  });
}

/** Exact bounds on what the policy does for a prompt, from the distinct completions that were drawn. */
export interface GroupKnowledge {
  /** Sum of π(y) over the distinct completions: the share of the policy that the group has seen. */
  coverage: number;
  /** Sum of π(y) over those that are right: the policy answers right at least so often. */
  passAt1Low: number;
  /** And at most so often: everything that was not seen may be right. */
  passAt1High: number;
  /** Number of its completions that are right. */
  right: number;
  /** And that are wrong. */
  wrong: number;
}

/** @param correct `[completions]` whether each is right */
export function knowledgeOf(groups: DrawnGroups, correct: readonly boolean[]): GroupKnowledge[] {
  const { numGenerations, logps, first } = groups;
  return Array.from({ length: logps.length / numGenerations }, (_, group) => {
    let coverage = 0;
    let low = 0;
    let right = 0;
    for (let i = group * numGenerations; i < (group + 1) * numGenerations; i++) {
      if (correct[i]) right++;
      if (first[i] !== i) continue;
      const probability = Math.exp(logps[i]!);
      coverage += probability;
      if (correct[i]) low += probability;
    }
    // (Rounding may bring the sum of all a little above 1.)
    coverage = Math.min(1, coverage);
    return {
      coverage,
      passAt1Low: Math.min(low, coverage),
      passAt1High: low + 1 - coverage,
      right,
      wrong: numGenerations - right,
    };
  });
}
