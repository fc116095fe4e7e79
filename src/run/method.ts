/** A way to train, of which GRPO (`grpo-method.ts`) and the supervised warm start (`sft.ts`) each are one, and the run around it. */
import type { DatasetSource } from '../data/datasets/source.js';
import type { Ranks } from '../engine/ranks/ranks.js';
import type { NonFinite } from '../grpo/learn.js';
import type { Metrics, RunMetricName } from '../grpo/metrics.js';
import type { TrainableModel } from '../model/trainable.js';
import type { Choosing } from './choosing.js';
import type { Evaluation } from './evaluate.js';
import type { Forecast, JudgedCompletion, TrainCallbacks, TrainPlan } from './events.js';
import type { Checkpoint } from './folder/checkpoints.js';
import type { Fingerprints, Lineage } from './folder/environment.js';
import type { RunFolder } from './folder/folder.js';
import type { Fork } from './folder/fork.js';
import type { Change } from './folder/changes.js';
import type { TrackedSession } from './trackers/tracked.js';

export interface Method {
  /**
   * Takes an optimiser step; `step` counts from 1. Throws `ABORTED` or an AbortError when the signal says so.
   */
  takeStep(step: number): Promise<{
    metrics: Metrics;
    completions?: JudgedCompletion[];
    /** Set where the step was not applied, because loss or gradient norm is not finite. */
    nonfinite?: NonFinite | undefined;
  }>;
  /** Evaluates the model on held-out problems. */
  evaluate(): Promise<Evaluation>;
  /** Evaluates it on validation problems, in a run that chooses by them. */
  validate?(): Promise<Evaluation>;
  /** Makes sure that the files which the method itself writes are on the disk. */
  sync?(): Promise<void>;
  /** Whether the run may end now, given its last evaluation (`target_accuracy`). */
  reached?(evaluation: Evaluation): boolean;
  /** State for a checkpoint after `step`, beside weights and optimiser moments; JSON types only. */
  remember?(step: number): unknown;
  close?(): Promise<void>;
}

export interface SessionOptions extends Pick<TrackedSession['options'], 'reportTo' | 'runName'> {
  evalSteps: number;
  saveSteps: number;
  saveTotalLimit: number;
  onNonfinite: 'skip' | 'stop';
  seed: number;
}

export interface Session {
  model: TrainableModel;
  method: Method;
  options: SessionOptions;
  /** How the run chooses its best weights, which needs the method's `validate`. */
  choosing?: Choosing | undefined;
  /** As `config.yaml` says it: TRL's names. */
  config: Record<string, unknown>;
  lineage?: Lineage | undefined;
  /** Where its problems were read from. */
  dataset?: DatasetSource | undefined;
  fingerprints?: Fingerprints | undefined;
  /** The run that `resumeFrom` is of, where a fork begins. */
  fork?: Fork | undefined;
  /** Options that a resumed or forked run has changed. */
  changes?: Change[];
  /** Whether the reference is a part of a checkpoint. */
  savesReference?: boolean;
  /** Columns of `metrics.csv` that other runs don't have. */
  columns?: readonly RunMetricName[];
  plan: TrainPlan;
  /** The processes that train together. */
  ranks?: Ranks | undefined;
  /** Says what the run will be like, before its first step. */
  forecast?: () => Promise<Forecast>;
  run: RunFolder | undefined;
  resumeFrom: Checkpoint | undefined;
  callbacks: TrainCallbacks;
  signal: AbortSignal | undefined;
}
