/**
 * The task mixed: several tasks in one dataset, in proportion to weights; each problem is judged by its own
 * task.
 */
import { GrpoError } from '../../common/errors.js';
import { dispatch } from './dispatch.js';
import type { Problem, Task } from './task.js';

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
    notices: parts.flatMap(({ notices = [] }) => notices),
    problems: async () => {
      const lists = await Promise.all(
        parts.map(async (task) =>
          (await task.problems()).map((problem) => ({ ...problem, task: task.name })),
        ),
      );
      return lists.flat();
    },
    ...dispatch(parts, taskOf),
  };
}
