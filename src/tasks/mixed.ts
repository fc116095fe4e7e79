/** Several tasks in one dataset, in proportion to weights; each problem keeps its own task's rules. */
import { GrpoError } from '../errors.js';
import { judge } from '../rewards/judge.js';
import type { Completion, Problem, Task } from './task.js';

/** The journal's mixture: half arithmetic, a quarter each of counting and comparison. */
export const JOURNAL_WEIGHTS = { arithmetic: 2, counting: 1, comparison: 1 } as const;

/**
 * @param parts tasks with distinct names
 * @param weights of each part, by its name
 */
export function mixed(parts: Task[], weights: Record<string, number>): Task {
  const byName = new Map(parts.map((task) => [task.name, task]));
  const taskOf = (problem: Problem): Task => {
    const task = byName.get(problem.task ?? '');
    if (task) return task;
    throw new GrpoError(
      'BAD_TASK',
      `a problem of the mixture names the task ${JSON.stringify(problem.task)}`,
      {
        fix: `judge only problems that the mixture itself gave (tasks ${[...byName.keys()].join(', ')})`,
        value: problem.task,
      },
    );
  };
  return {
    name: 'mixed',
    weights,
    problems: async () => {
      const lists = await Promise.all(
        parts.map(async (task) =>
          (await task.problems()).map((problem) => ({ ...problem, task: task.name })),
        ),
      );
      return lists.flat();
    },
    reward: async (completions) => {
      const rewards = new Array<number>(completions.length);
      for (const [task, indices] of groupBy(completions, (completion) => taskOf(completion.problem))) {
        const own = indices.map((i) => completions[i]!);
        const values = await judge(task.reward, own, { name: task.name });
        indices.forEach((i, k) => (rewards[i] = values[k]!));
      }
      return rewards;
    },
    // A part without a rule goes on to the end of sequence, or to the longest completion.
    ...(parts.some((task) => task.stop) && {
      stop: (text: string, problem: Problem) => taskOf(problem).stop?.(text, problem) ?? false,
    }),
    ...(parts.some((task) => task.isCorrect) && {
      isCorrect: (completion: Completion, reward: number) =>
        taskOf(completion.problem).isCorrect?.(completion, reward) ?? reward > 0,
    }),
  };
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, number[]> {
  const groups = new Map<K, number[]>();
  items.forEach((item, i) => {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  });
  return groups;
}
