/** Several reward functions as one. */
import type { RewardFunction } from '../tasks/task.js';
import { judge } from './judge.js';
import type { NamedReward } from './load.js';

/**
 * Of what each function said of each completion; NaN (it had nothing to say) counts for nothing.
 * @param weights null: 1 each
 * @returns NaN where none had anything to say
 */
export function weightedSum(
  perFunction: readonly ArrayLike<number>[],
  weights: readonly number[] | null,
): Float64Array {
  return Float64Array.from({ length: perFunction[0]!.length }, (_, i) => {
    const said = perFunction.flatMap((values, k) =>
      Number.isNaN(values[i]!) ? [] : [values[i]! * (weights?.[k] ?? 1)],
    );
    return said.length > 0 ? said.reduce((sum, value) => sum + value, 0) : NaN;
  });
}

/**
 * Their weighted sum, as `evaluate` takes it.
 * @param timeout seconds that each may take; 0: no limit
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
