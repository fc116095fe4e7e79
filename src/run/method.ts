/** A way to train, of which GRPO (`grpo-method.ts`) and the supervised warm start (`sft.ts`) each are one, and the run around it. */
import type { NonFinite } from '../grpo/learn.js';
import type { Metrics, RunMetricName } from '../grpo/metrics.js';
import type { TrainableModel } from '../model/trainable.js';
import type { Evaluation } from './evaluate.js';
import type { Forecast, JudgedCompletion, TrainCallbacks, TrainPlan } from './events.js';
import type { Checkpoint } from './folder/checkpoints.js';
import type { Lineage } from './folder/environment.js';
import type { RunFolder } from './folder/folder.js';
import type { Change } from './folder/resume.js';
import type { TrackedSession } from './trackers/tracked.js';

export interface Method {
  /** One optimiser step; `step` counts from 1. Throws `ABORTED` or an AbortError when the signal says so. */
  takeStep(step: number): Promise<{
    metrics: Metrics;
    completions?: JudgedCompletion[];
    /** It was not applied: why. */
    nonfinite?: NonFinite | undefined;
  }>;
  evaluate(): Promise<Evaluation>;
  /** What it has written itself is on the disk when this returns. */
  sync?(): Promise<void>;
  /** Whether the run may end here, by its last evaluation. */
  reached?(evaluation: Evaluation): boolean;
  /** What must be remembered after `step`, beside weights and moments; of JSON's types. */
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
  /** As `config.yaml` says it: TRL's names. */
  config: Record<string, unknown>;
  lineage?: Lineage | undefined;
  /** Options that a resumed run has changed. */
  changes?: Change[];
  /** Whether the reference is a part of a checkpoint. */
  savesReference?: boolean;
  /** Columns of `metrics.csv` that other runs don't have. */
  columns?: readonly RunMetricName[];
  plan: TrainPlan;
  /** Says what the run will be like, before its first step. */
  forecast?: () => Promise<Forecast>;
  run: RunFolder | undefined;
  resumeFrom: Checkpoint | undefined;
  callbacks: TrainCallbacks;
  signal: AbortSignal | undefined;
}
