/** The interface of an experiment tracker: a place outside the run folder that a run's metrics are sent to. */
import type { DiagnosisEvent } from '../diagnosis/events.js';
import type { Metrics } from '../../grpo/metrics.js';

export const TRACKERS = ['tensorboard', 'wandb', 'mlflow', 'trackio'] as const;
export type TrackerName = (typeof TRACKERS)[number];

/**
 * What is sent to a tracker: the metrics of a step, or an event of the diagnosis. `time`: milliseconds since
 * 1970.
 */
export type Entry = { time: number } & (
  { kind: 'metrics'; metrics: Metrics } | { kind: 'diagnosis'; event: DiagnosisEvent }
);

export type Ending = 'finished' | 'interrupted' | 'failed';

/** What trackers are given of a run before its first step. */
export interface TrackedRun {
  name: string;
  kind: 'grpo' | 'sft';
  /** The options, as in `config.yaml`: with TRL's names. */
  config: Record<string, unknown>;
  /** Facts about the model and the machine, by transformers' names. */
  facts: Record<string, unknown>;
  /** Absolute path of the run folder; undefined: nothing is written. */
  folder: string | undefined;
  /** Number of steps that a resumed run has taken before. */
  startStep: number;
  /** What the tracker saved with `remember` before the run was resumed; empty in a new run. */
  memory: Record<string, unknown>;
  /** Saves `memory` in the run folder. */
  remember(memory: Record<string, unknown>): Promise<void>;
}

/** A call that fails is tried again, unless it throws a `PermanentError`. */
export interface Tracker {
  /** Milliseconds between two calls of `send`, so that short steps are sent together; 0: each at once. */
  readonly pause: number;
  /** Largest number of entries of a call of `send`. */
  readonly most: number;
  /**
   * Begins the run at the tracker, or continues it where it was resumed; called until it succeeds.
   * @returns one line: where the run can be seen
   */
  begin(signal: AbortSignal): Promise<string>;
  /** Sends entries, in order. Those of a call that failed are sent again, so an entry may arrive twice. */
  send(entries: readonly Entry[], signal: AbortSignal): Promise<void>;
  /**
   * Called once, after the last entry.
   * @returns one line: what the user has left to do; undefined: nothing
   */
  end(ending: Ending, signal: AbortSignal): Promise<string | undefined>;
  /** Frees resources; called in any case. */
  close?(): Promise<void>;
}

/** A tracker refused a request and would refuse it again, so that a retry is useless. */
export class PermanentError extends Error {}
