/** Messages between the runner and the process that runs the parts. Plain values only, as they are serialised. */
import type { Figure, Scale } from './part.js';

/** The runner asks for a part. */
export interface Order {
  part: string;
  device: string;
  scale: Scale;
  folder: string;
  /** When the part's time is over, by `Date.now()`. */
  deadline: number;
}

export interface Failure {
  code: string;
  message: string;
  fix: string;
  exitCode: 1 | 2;
}

/** What the process tells of it. It ends after a failure: nothing can be said of what a lost GPU computes. */
export type Report =
  { type: 'figure'; figure: Figure } | { type: 'done'; notRun?: string } | { type: 'failed'; error: Failure };
