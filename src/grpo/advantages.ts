/**
 * Group-relative advantages (Shao et al. 2024, section 4.1; `scale_rewards` as in TRL):
 * A_i = (r_i - mean of its group) / (std + 1e-4), where std is the group's, the batch's, or
 * left out (Dr. GRPO, Liu et al. 2025).
 */

export type ScaleRewards = 'group' | 'batch' | 'none';

export interface Advantages {
  /** `[completions]` */
  values: Float64Array;
  /** Mean reward. */
  reward: number;
  /** Standard deviation of all rewards of the batch. */
  rewardStd: number;
  /** Share of completions whose group (with `batch`: whose batch) has rewards without spread. */
  fracRewardZeroStd: number;
}

/** What TRL adds to a standard deviation before it divides by it. */
const EPSILON = 1e-4;

/** Below it a standard deviation is nought (the tolerance of `torch.isclose`). */
const NOUGHT = 1e-8;

/** @param rewards of each completion, group after group of `numGenerations` */
export function computeAdvantages(
  rewards: ArrayLike<number>,
  numGenerations: number,
  scaleRewards: ScaleRewards,
): Advantages {
  const all = Array.from(rewards);
  const batchStd = standardDeviation(all);
  const values = new Float64Array(all.length);
  let flat = 0;
  for (let from = 0; from < all.length; from += numGenerations) {
    const group = all.slice(from, from + numGenerations);
    const centre = mean(group);
    const std = scaleRewards === 'batch' ? batchStd : standardDeviation(group);
    if (std <= NOUGHT) flat += group.length;
    const scale = scaleRewards === 'none' ? 1 : std + EPSILON;
    group.forEach((reward, i) => (values[from + i] = (reward - centre) / scale));
  }
  return { values, reward: mean(all), rewardStd: batchStd, fracRewardZeroStd: flat / all.length };
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a sample: with n - 1, as torch has it. One value has no spread. */
function standardDeviation(values: number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
