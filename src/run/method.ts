/**
 * The interface of a training method, which a session runs: GRPO (`train.ts`) and supervised fine-tuning
 * (`sft.ts`).
 */
import type { NonFinite } from '../grpo/learn.js';
import type { Metrics } from '../grpo/metrics.js';
import type { Evaluation } from './evaluate.js';
import type { JudgedCompletion } from './events.js';

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
  /** Makes sure that the files which the method itself writes are on the disk. */
  sync?(): Promise<void>;
  /** Whether the run may end now, given its last evaluation (`target_accuracy`). */
  reached?(evaluation: Evaluation): boolean;
  /** State for a checkpoint after `step`, beside weights and optimiser moments; JSON types only. */
  remember?(step: number): unknown;
  close?(): Promise<void>;
}
