/** What a tracker is: a place outside the run folder that is told of a run as it goes. */
import type { DiagnosisEvent } from '../diagnosis/events.js';
import type { Metrics } from '../../grpo/metrics.js';

export const TRACKERS = ['tensorboard', 'wandb', 'mlflow', 'trackio'] as const;
export type TrackerName = (typeof TRACKERS)[number];

/** `time`: milliseconds since 1970. */
export type Entry = { time: number } & (
  { kind: 'metrics'; metrics: Metrics } | { kind: 'diagnosis'; event: DiagnosisEvent }
);

export type Ending = 'finished' | 'interrupted' | 'failed';

/** What trackers are told of a run before its first step. */
export interface TrackedRun {
  name: string;
  kind: 'grpo' | 'sft';
  /** As `config.yaml` has it: TRL's names. */
  config: Record<string, unknown>;
  /** What the model and the machine are, in transformers' words. */
  facts: Record<string, unknown>;
  /** Absolute path of the run folder; undefined: nothing is written. */
  folder: string | undefined;
  /** Steps taken already, in a resumed run. */
  startStep: number;
  /** What the tracker remembered in an earlier sitting of the run; empty in a new one. */
  memory: Record<string, unknown>;
  /** Keeps `memory` in the run folder. */
  remember(memory: Record<string, unknown>): Promise<void>;
}

/** Whatever throws here is tried again, unless it is an `Unacceptable`. */
export interface Tracker {
  /** Milliseconds between two sendings, so that steps of 50 ms are sent together; 0: each at once. */
  readonly pause: number;
  /** Entries sent together at most. */
  readonly most: number;
  /**
   * Begins the run there, or takes up the one of an earlier sitting; called until it succeeds.
   * @returns one line: where it is to be seen
   */
  begin(signal: AbortSignal): Promise<string>;
  /** In order. Entries of a call that failed are given again, so the same ones may arrive twice. */
  send(entries: readonly Entry[], signal: AbortSignal): Promise<void>;
  /** Called once, after the last entry. @returns one line: what is left to do; undefined: nothing */
  end(ending: Ending, signal: AbortSignal): Promise<string | undefined>;
  /** Gives back what it holds, whatever went wrong. */
  close?(): Promise<void>;
}

/** A tracker said no and would say so again: nothing to wait for. */
export class Unacceptable extends Error {}
