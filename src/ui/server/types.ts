/** Data that the server, or a report, gives the page. JSON types only; shared by both sides. */
import type { ComparedRun } from '../../experiments/compare/compared.js';
import type { Diagnosed } from '../../run/diagnosis/events.js';
import type { ForkedFrom } from '../../run/folder/changes.js';

/** Name of the report in the run folder. */
export const REPORT_FILE = 'report.html';

/** Metrics over the steps of a run. In long runs each point is the mean of several steps. */
export interface CurveData {
  /** Steps per point. */
  per: number;
  /** Last step of each point. */
  steps: number[];
  /** Values of each metric, one per point; null where it wasn't measured. */
  columns: Record<string, (number | null)[]>;
}

export interface EvaluationPoint {
  step: number;
  accuracy: number;
  low: number;
  high: number;
  /** Seconds of training before it. */
  seconds: number;
}

/** Numbers of a visit in `OutcomeData.visits`. */
export const VISIT = 6;

/** When each problem was sampled, how many of its completions were right, and what that tells of the policy. */
export interface OutcomeData {
  /** See `RunData.version`. */
  version: number;
  problems: { prompt: string; answer: string }[];
  /**
   * `VISIT` numbers per visit: step, index of the problem, right completions, all completions, and the bounds that
   * the policy's pass@1 lies between, 0 and 1 where nothing is known of it.
   */
  visits: number[];
}

/** Equal completions of a prompt: a line of `completions.jsonl`. */
export interface CompletionRecord {
  step: number;
  prompt: string;
  answer: string;
  completion: string;
  /** Absent in files of older versions, as are `ids`, `logps` and `tokens`. */
  extracted?: string;
  length: number;
  ended: 'eos' | 'stop' | 'length';
  reward: number | null;
  rewards?: Record<string, number | null>;
  advantage: number;
  correct: boolean;
  count: number;
  ids?: number[];
  logps?: number[];
  tokens?: number[];
}

/** A run, without what the page loads on demand: outcomes, and the completions of a step. */
export interface RunData {
  /** Increases with each update. Updates with the same or a lower version are already contained. */
  version: number;
  name: string;
  path: string;
  config: Record<string, unknown>;
  /** Names of options that differ from their defaults. */
  chosen: string[];
  env: Record<string, unknown> | null;
  /** Where the run was forked; its metrics up to that step are those of the run that it left. */
  forkedFrom?: ForkedFrom;
  /** `summary.json`; null while the run goes on. */
  summary: Record<string, unknown> | null;
  /** The command that repeats the run. */
  command: string;
  steps: number;
  plannedSteps: number;
  seconds: number;
  curves: CurveData;
  /** On held-out problems. */
  evaluations: EvaluationPoint[];
  /** On validation problems, in a run that chooses by them. */
  validations: EvaluationPoint[];
  diagnoses: Diagnosed[];
  /** Steps whose completions are available, ascending. */
  completionSteps: number[];
}

/** What was added since the last update. */
export interface Update {
  version: number;
  rows: Record<string, number>[];
  evaluations: EvaluationPoint[];
  validations: EvaluationPoint[];
  /** All diagnoses, not only new ones. */
  diagnoses: Diagnosed[];
  /** New problems. */
  problems: OutcomeData['problems'];
  /** New visits. They replace known visits from their first step on. */
  visits: number[];
  completionSteps: number[];
  summary: Record<string, unknown> | null;
  steps: number;
  plannedSteps: number;
  seconds: number;
}

/** The data embedded in a report file. */
export interface Embedded {
  version: string;
  made: string;
  runs: RunData[];
  /** Only with several runs: a row for each, and the options in which they differ, with the value in each run. */
  comparison?: { rows: ComparedRun[]; differences: Record<string, unknown[]> };
  /** Whether completions of some steps were left out, to keep the file small. */
  thinned: boolean;
}
