/** What the runner and the process of a case say to each other; plain values that survive a message. */
import type { EngineInfo, MachineLimits } from '../src/engine/types.js';
import type { Case } from './cases.js';
import type { Counts, Phase, Work } from './roofline.js';

export type Job = LimitsJob | CaseJob;

export interface LimitsJob {
  kind: 'limits';
  threads: number;
}

export interface CaseJob {
  kind: 'case';
  case: Case;
  /** Of the checkpoint; undefined: a shape, with random weights. */
  folder: string | undefined;
  threads: number;
  /** When the process was started, as `Date.now()` has it. */
  started: number;
}

/** One training step. */
export interface StepRun {
  seconds: Record<Phase | 'step', number>;
  counts: Counts;
  work: Record<Phase, Work>;
  /** Arithmetic of training that keeps nothing of sampling. */
  plain_training_flops: number;
  /** As TRL counts them: the prompt once a completion. */
  tokens: number;
  completion_tokens: number;
}

/** Seconds. */
export interface StartRun {
  load: number;
  freeze_reference: number;
  /** From the start of the first sampling to its first tokens. */
  first_prompt: number;
  /** From the start of the process to its first tokens. */
  first_token: number;
}

export interface CaseRun {
  engine: EngineInfo;
  parameters: number;
  /** What random weights made of the case's. */
  temperature: number;
  max_completion_length: number;
  start: StartRun;
  steps: StepRun[];
  /** Bytes: the process at its largest. */
  peak_memory: number;
}

export type Message =
  | { type: 'progress'; done: number; total: number }
  | { type: 'limits'; limits: MachineLimits }
  | { type: 'case'; run: CaseRun }
  | { type: 'error'; code: string; message: string; fix: string; exitCode: 1 | 2 };
