/** Messages between the runner and a case's process. Plain values only, as they are serialised. */
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
  /** Folder of the checkpoint; undefined: an architecture of `shapes.ts` with random weights. */
  folder: string | undefined;
  device: string;
  threads: number;
  /** When the process was started, by `Date.now()`. */
  started: number;
}

/** One training step. */
export interface StepRun {
  seconds: Record<Phase | 'step', number>;
  counts: Counts;
  work: Record<Phase, Work>;
  /** FLOPs of training if it kept no activations of the rollout: a whole forward and backward. */
  plain_training_flops: number;
  /** Tokens as TRL counts them: a prompt counts once for each of its completions. */
  tokens: number;
  completion_tokens: number;
}

/** How long starting takes, in seconds. */
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
  /** As used: with random weights it differs from the case's (see `shapes.ts`). */
  temperature: number;
  max_completion_length: number;
  start: StartRun;
  steps: StepRun[];
  /** Peak resident memory of the process, bytes. */
  peak_memory: number;
}

export type Message =
  | { type: 'progress'; done: number; total: number }
  | { type: 'limits'; limits: MachineLimits }
  | { type: 'case'; run: CaseRun }
  | { type: 'error'; code: string; message: string; fix: string; exitCode: 1 | 2 };
