/** Types of the choice of problems: which ones a rollout samples completions for. */
import type { GroupKnowledge } from '../estimators/groups.js';

export const PROBLEM_SAMPLINGS = ['uniform', 'posterior', 'dynamic'] as const;
/** How problems are chosen: each once an epoch, those that can teach, or until enough groups have spread. */
export type ProblemSampling = (typeof PROBLEM_SAMPLINGS)[number];

/** What a checkpoint keeps of the choice; JSON types. */
export interface ProblemMemory {
  /** Problems sampled for since the start of the run, and of the present stage. */
  drawn: { run: number; stage: number };
  /** The stage that `drawn.stage` counts in. */
  stage: number;
  /** Of each problem that was sampled for: its position, and its history where that is kept. */
  seen: { position: number; history?: History }[];
}

/** What is known of how often the policy answers a problem right. */
export interface History {
  /** Pseudo-counts of right and wrong answers, as they were at `step`. */
  right: number;
  wrong: number;
  step: number;
}

/** Chooses problems, and learns from what their groups showed. */
export interface ProblemSampler {
  /**
   * `[count]` positions of the problems to sample for. May be asked again for the same step, where more are
   * needed.
   */
  choose(step: number, count: number): number[];
  /** Takes note of what the groups of chosen problems showed. */
  observe(step: number, positions: readonly number[], knowledge: readonly GroupKnowledge[]): void;
  /** Passes over the training problems so far, with their fraction; undefined: as the step's number says. */
  epoch?(): number;
  /** Share of the stage's problems that were sampled for at least once. */
  seen(step: number): number;
  /** State for a checkpoint. */
  remember(): ProblemMemory;
}
