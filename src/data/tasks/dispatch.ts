/** Combines the rules of several tasks: each problem is judged by those of its own task. */
import { judge } from '../rewards/judge.js';
import type { Completion, Problem, Task } from './task.js';

/** @param taskOf gives the task of a problem; throws where there is none */
export function dispatch(
  tasks: readonly Task[],
  taskOf: (problem: Problem) => Task,
): Pick<Task, 'reward' | 'stop' | 'isCorrect' | 'extract'> {
  return {
    reward: async (completions) => {
      const rewards = new Array<number | null>(completions.length);
      for (const [task, indices] of groupBy(completions, ({ problem }) => taskOf(problem))) {
        const own = indices.map((i) => completions[i]!);
        const values = await judge(task.reward, own, { name: task.name });
        indices.forEach((i, k) => (rewards[i] = Number.isNaN(values[k]!) ? null : values[k]!));
      }
      return rewards;
    },
    // Without a rule of its task, a completion goes on to the end of sequence or its maximum length.
    ...(tasks.some((task) => task.stop) && {
      stop: (text: string, problem: Problem, drawn?: string) =>
        taskOf(problem).stop?.(text, problem, drawn) ?? false,
    }),
    ...(tasks.some((task) => task.isCorrect) && {
      isCorrect: (completion: Completion, reward: number) =>
        taskOf(completion.problem).isCorrect?.(completion, reward) ?? reward > 0,
    }),
    ...(tasks.some((task) => task.extract) && {
      extract: (completion: string, problem: Problem) =>
        taskOf(problem).extract?.(completion, problem) ?? completion.trim(),
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
