/** What the rewards of a run, together, say of a completion: its sum, whether it is right, and where it ends. */
import type { Completion, Problem, StopRule, Task } from '../tasks/task.js';
import type { NamedReward } from './types.js';

/** How completions are read under some rewards. */
export interface Rules {
  /**
   * Whether a completion is right.
   * @param values `[functions]` what each reward function gave; NaN: null
   * @param sum their weighted sum
   */
  isCorrect: (completion: Completion, values: readonly number[], sum: number) => boolean;
  /** The answer that is read in a completion. */
  extract: (completion: string, problem: Problem) => string;
  /** Ends a completion where all rewards are decided; undefined: nothing does. */
  stop: StopRule | undefined;
}

/**
 * The rules of a task under some rewards. A completion is right where all rewards say so that judge the answer;
 * where none does, the task's rule decides, else whether the sum is above 0.
 * @param weights `[rewards]` what each counts in the sum; null (default): 1 each. One of weight 0 is a metric only,
 * and decides nothing but where a completion ends
 */
export function rulesOf(
  task: Task,
  rewards: readonly NamedReward[],
  weights: readonly number[] | null = null,
): Rules {
  const counting = rewards.flatMap((reward, k) => (weights?.[k] === 0 ? [] : [{ ...reward, k }]));
  const judges = counting.flatMap(({ isCorrect, k }) => (isCorrect ? [{ isCorrect, k }] : []));
  const reader = counting.find(({ extract }) => extract);
  return {
    isCorrect: (completion, values, sum) =>
      judges.length > 0
        ? judges.every(({ isCorrect, k }) => isCorrect(completion, values[k]!))
        : (task.isCorrect?.(completion, sum) ?? sum > 0),
    extract: (completion, problem) =>
      reader?.extract!(completion, problem) ?? task.extract?.(completion, problem) ?? completion.trim(),
    stop: allDecided(rewards.map(({ stop }) => (stop === undefined ? task.stop : stop))),
  };
}

/** @param stops rule of each reward; none of null or undefined is ever decided */
function allDecided(stops: readonly (StopRule | null | undefined)[]): StopRule | undefined {
  const rules = [...new Set(stops)].filter((rule) => rule !== null && rule !== undefined);
  if (stops.some((rule) => rule === null || rule === undefined)) return undefined;
  return rules.length === 1
    ? rules[0]
    : (text, problem, drawn) => rules.every((rule) => rule(text, problem, drawn));
}

/** The task's own reward. */
export const ownReward = (task: Task): NamedReward => ({
  name: 'task',
  reward: task.reward,
  isCorrect: (completion, value) => task.isCorrect?.(completion, value) ?? value > 0,
  ...(task.extract && { extract: (completion, problem) => task.extract!(completion, problem) }),
});
