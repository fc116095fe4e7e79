/** What a program may give a run beside its options. */
import type { RewardFunction, Task } from '../data/tasks/task.js';
import type { Algorithm } from '../grpo/algorithm.js';
import type { Ranks } from '../engine/ranks/ranks.js';
import type { DownloadProgress } from '../hub/download.js';
import type { TrainableModel } from '../model/trainable.js';
import type { TrainCallbacks } from './events.js';

/**
 * What a program may pass to `train`, `plan` and `sft` beside options: callbacks, objects in place of names,
 * and `advantages` or a `loss` of its own.
 *
 * @example
 * ```ts
 * // RLOO: the baseline of a completion is the mean reward of the others in its group.
 * await train(
 *   { model: 'tiny', maxSteps: 50 },
 *   {
 *     save: false,
 *     advantages: ({ rewards, numGenerations: G }) =>
 *       rewards.map((reward, i) => {
 *         const first = i - (i % G);
 *         const sum = rewards.subarray(first, first + G).reduce((a, b) => a + b);
 *         return reward - (sum - reward) / (G - 1);
 *       }),
 *   },
 * );
 * ```
 */
export interface TrainExtras extends TrainCallbacks, Algorithm {
  /** Task in place of the one that the option `task` names. */
  task?: Task;
  /** Reward function in place of the task's own. */
  reward?: RewardFunction;
  /** A model that is loaded already. It is trained in place, and not disposed. */
  model?: TrainableModel;
  /** False: there is no run folder, and nothing is written. Default true. */
  save?: boolean;
  /**
   * True: writes to a run folder although another process has claimed it, which can't be looked at from this
   * machine. Give it only where that process has ended; the error `RUN_LOCKED` says when it is needed.
   */
  takeOver?: boolean;
  /** Ends the run after the token or phase at hand, with a checkpoint; the summary then says `interrupted`. */
  signal?: AbortSignal;
  /** The processes that train together; by default those that MPI has started, if it has. */
  ranks?: Ranks;
  /** Called while the model, or a dataset, is downloaded. */
  onDownload?: (progress: DownloadProgress) => void;
}
