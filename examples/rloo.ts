/**
 * An algorithm of one's own: RLOO (Ahmadian et al. 2024, arXiv:2402.14740).
 *
 *     grpo-native train --algorithm examples/rloo.ts
 */
import { tokenLoss, type Algorithm } from 'grpo-native';

export default {
  /** A completion's baseline is the mean reward of the others in its group (equation 8). */
  advantages: ({ rewards, numGenerations }) =>
    rewards.map((reward, i) => {
      const first = i - (i % numGenerations);
      const sum = rewards.subarray(first, first + numGenerations).reduce((total, value) => total + value, 0);
      return reward - (sum - reward) / (numGenerations - 1);
    }),
  /** -r A of each token, summed over a completion and averaged over completions; no clipping. */
  loss: tokenLoss({
    surrogate:
      ({ advantage }) =>
      (ratio) => ({ value: -ratio * advantage, byLogRatio: -ratio * advantage, byLogp: 0 }),
    weight: (_length, { completions, microBatches }) => 1 / (completions * microBatches),
  }),
} satisfies Algorithm;
