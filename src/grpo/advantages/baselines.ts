/** What a reward is compared with: the baseline b of (r - b). */
import { groupsOf, mean, weightedMean } from './statistics.js';
import type { AdvantageOptions, Baseline, RewardedGroups } from './types.js';

/** A group as the baselines see it. */
interface Group {
  rewards: Float64Array;
  /** `[completions]` how much each counts; the group's whole weight need not be its size. */
  weights: Float64Array | null;
  /** `[completions]` position in the group of the first completion with the same tokens; null: unknown. */
  first: Int32Array | null;
}

const BASELINES: Record<Baseline, (group: Group) => Float64Array> = {
  /** The weighted mean of the group: where every completion counts once, GRPO's. */
  mean: ({ rewards, weights }) =>
    filled(rewards.length, weights ? weightedMean(rewards, weights) : mean(rewards)),

  /**
   * The weighted mean of the other completions of the group, so that it doesn't depend on the one it is taken
   * from: RLOO (Ahmadian et al. 2024, arXiv:2402.14740), equation 8. A completion that was drawn again is not
   * another one, where its draws count by their probability.
   */
  leave_one_out: ({ rewards, weights, first }) =>
    rewards.map((_, i) => {
      const others = rewards.map((reward, j) =>
        (weights && first ? first[j] === first[i] : j === i) ? NaN : reward,
      );
      const value = weights ? weightedMean(others, weights) : mean(others);
      return Number.isNaN(value) ? rewards[i]! : value;
    }),
};

/** `[completions]` Each reward minus its baseline; NaN where there is no reward. */
export function centred(groups: RewardedGroups, { baseline = 'mean' }: AdvantageOptions): Float64Array {
  const { rewards, weights = null, drawn = null, numGenerations } = groups;
  return Float64Array.from(
    groupsOf(rewards, numGenerations).flatMap((own, group) => {
      const from = group * numGenerations;
      const to = from + numGenerations;
      const baselines = BASELINES[baseline]({
        rewards: own,
        weights: weights && weights.subarray(from, to),
        first: drawn && drawn.first.slice(from, to).map((position) => position - from),
      });
      return Array.from(own, (reward, i) => reward - baselines[i]!);
    }),
  );
}

const filled = (length: number, value: number) => new Float64Array(length).fill(value);
