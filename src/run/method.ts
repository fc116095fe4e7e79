/** What a session asks of a way to train: GRPO (`train.ts`) and the supervised warm start (`sft.ts`) each are one. */
import type { NonFinite } from '../grpo/learn.js';
import type { Metrics } from '../grpo/metrics.js';
import type { Evaluation } from './evaluate.js';
import type { JudgedCompletion } from './events.js';

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
