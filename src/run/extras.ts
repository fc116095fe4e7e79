/** What a program may give a run beside its options. */
import type { RewardFunction, Task } from '../data/tasks/task.js';
import type { Algorithm } from '../grpo/algorithm.js';
import type { DownloadProgress } from '../model/download.js';
import type { TrainableModel } from '../model/trainable.js';
import type { TrainCallbacks } from './events.js';

/** What a program may give beside options. */
export interface TrainExtras extends TrainCallbacks, Algorithm {
  /** In place of the one that the option `task` names. */
  task?: Task;
  /** In place of the task's own. */
  reward?: RewardFunction;
  /** A model that is loaded already; it is taught in place and stays loaded. */
  model?: TrainableModel;
  /** False: no run folder, nothing is written. */
  save?: boolean;
  /** The process that has the run folder, and can't be looked at from this machine, runs no more. */
  takeOver?: boolean;
  /** Ends the run after the token or phase at hand, with a checkpoint. */
  signal?: AbortSignal;
  onDownload?: (progress: DownloadProgress) => void;
}
