/** Rewards by name, tried on single completions. */
import { judge } from '../../src/data/rewards/judge.js';
import { loadRewards } from '../../src/data/rewards/load.js';
import { exactMatch } from '../../src/data/rewards/kinds/exact-match.js';
import type { NamedReward, RewardSpec } from '../../src/data/rewards/types.js';
import type { Problem, Task } from '../../src/data/tasks/task.js';

/** A task of given problems, whose own reward is that of data sets. */
export async function dataTask(problems: Problem[]): Promise<Task> {
  const own = await exactMatch.load('exact_match', undefined, {
    problems: () => Promise.resolve(problems),
    folder: '.',
  });
  return {
    name: 'data',
    problems: () => problems,
    reward: own.reward,
    isCorrect: own.isCorrect!,
    extract: own.extract!,
  };
}

export const problemOf = (answer: string, more: Partial<Problem> = {}): Problem => ({
  prompt: `Question ${answer}`,
  answer,
  ...more,
});

export async function loadOne(spec: RewardSpec, ...problems: Problem[]): Promise<NamedReward> {
  const [reward] = await loadRewards(spec, await dataTask(problems));
  return reward!;
}

/** What a reward gives a completion. */
export async function valueOf(
  { reward, name }: NamedReward,
  completion: string,
  problem: Problem,
): Promise<number> {
  const { prompt, answer } = problem;
  const [value] = await judge(reward, [{ prompt, completion, answer, problem }], { name });
  return value!;
}
