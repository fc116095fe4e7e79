/** Combines several reward functions into one. */
import type { RewardFunction } from '../tasks/task.js';
import { judge } from './judge.js';
import type { NamedReward } from './load.js';

/**
 * The weighted sum of the reward functions for each completion; NaN (a function returned null) is left out.
 * @param perFunction `[functions][completions]`
 * @param weights weight of each function; null: 1 each
 * @returns `[completions]`; NaN where all functions returned null
 */
export function weightedSum(
  perFunction: readonly ArrayLike<number>[],
  weights: readonly number[] | null,
): Float64Array {
  return Float64Array.from({ length: perFunction[0]!.length }, (_, i) => {
    const given = perFunction.flatMap((values, k) =>
      Number.isNaN(values[i]!) ? [] : [values[i]! * (weights?.[k] ?? 1)],
    );
    return given.length > 0 ? given.reduce((sum, value) => sum + value, 0) : NaN;
  });
}

/**
 * The weighted sum of reward functions, in the form that `evaluate` takes.
 * @param timeout seconds that each function may take; 0: no limit
 */
export function combine(
  rewards: readonly NamedReward[],
  weights: readonly number[] | null,
  timeout: number,
): { reward: RewardFunction; rewardTimeout: number } {
  if (rewards.length === 1 && weights === null) return { reward: rewards[0]!.reward, rewardTimeout: timeout };
  const reward: RewardFunction = async (completions) => {
    const perFunction: number[][] = [];
    for (const { name, reward } of rewards)
      perFunction.push(await judge(reward, completions, { name, timeout }));
    return Array.from(weightedSum(perFunction, weights), (sum) => (Number.isNaN(sum) ? null : sum));
  };
  return { reward, rewardTimeout: 0 };
}
