/** Metrics of the groups: how many are solved already, and whether the answers depend on the prompts. */
import type { GroupKnowledge } from './estimators/groups.js';
import type { Metrics } from './metrics.js';
import type { Rollout } from './rollout.js';

/** Means over the groups of what their exact probabilities tell, and the share of groups that can teach. */
export function knowledgeMetrics(
  { knowledge, advantages }: Pick<Rollout, 'knowledge' | 'advantages'>,
  numGenerations: number,
): Pick<Metrics, 'coverage' | 'pass_at_1_low' | 'pass_at_1_high' | 'frac_informative_groups'> {
  if (knowledge.length === 0) return {}; // of a checkpoint from before it was kept
  const mean = (value: (group: GroupKnowledge, i: number) => number) =>
    knowledge.reduce((sum, group, i) => sum + value(group, i), 0) / knowledge.length;
  return {
    coverage: mean(({ coverage }) => coverage),
    pass_at_1_low: mean(({ passAt1Low }) => passAt1Low),
    pass_at_1_high: mean(({ passAt1High }) => passAt1High),
    frac_informative_groups: mean((_, i) => (advantages.flat[i * numGenerations] ? 0 : 1)),
  };
}

/** Computes `frac_all_right` and, where there are at least two prompts to compare, `frac_same_answer`. */
export function groupMetrics(
  { completions, advantages }: Pick<Rollout, 'completions' | 'advantages'>,
  numGenerations: number,
): Pick<Metrics, 'frac_all_right' | 'frac_same_answer'> {
  const groups = Array.from({ length: completions.length / numGenerations }, (_, i) => i * numGenerations);
  const allRight = groups.filter((from) =>
    completions
      .slice(from, from + numGenerations)
      .every(({ correct }, i) => correct && advantages.flat[from + i]!),
  );
  const answers = new Map<string, Map<string, number>>();
  const expected = new Map<string, Map<string, number>>();
  for (const { problem, extracted } of completions) {
    add(answers, problem.prompt, extracted);
    add(expected, problem.prompt, problem.answer);
  }
  const same = agreement([...answers.values()]);
  const right = agreement([...expected.values()]);
  return {
    frac_all_right: allRight.length / groups.length,
    // Where all problems have the same right answer, giving one answer to all of them is no fault.
    ...(answers.size > 1 && right < 1 && { frac_same_answer: Math.max(0, (same - right) / (1 - right)) }),
  };
}

/** Counts one more occurrence of `answer` for `prompt`. */
function add(counts: Map<string, Map<string, number>>, prompt: string, answer: string): void {
  const own = counts.get(prompt) ?? new Map<string, number>();
  own.set(answer, (own.get(answer) ?? 0) + 1);
  counts.set(prompt, own);
}

/** Probability that random answers to two different prompts are equal. There must be at least two prompts. */
function agreement(prompts: Map<string, number>[]): number {
  const total = new Map<string, number>();
  let own = 0;
  for (const counts of prompts) {
    const size = [...counts.values()].reduce((sum, count) => sum + count, 0);
    for (const [answer, count] of counts) {
      total.set(answer, (total.get(answer) ?? 0) + count / size);
      own += (count / size) ** 2;
    }
  }
  const all = [...total.values()].reduce((sum, share) => sum + share ** 2, 0);
  return (all - own) / (prompts.length * (prompts.length - 1));
}
