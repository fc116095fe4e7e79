/** What a page is told of a run. Shared by the program that tells and the page that shows; of JSON's types. */
import type { ComparedRun } from '../../experiments/compare/compared.js';
import type { Diagnosed } from '../../run/diagnosis/events.js';

/** In the run folder. */
export const REPORT_FILE = 'report.html';

/** Columns of numbers over the steps of a run, thinned: each point is the mean of so many steps. */
export interface CurveData {
  /** Steps in a point. */
  per: number;
  /** Last step of each point. */
  steps: number[];
  /** Of each metric, a value a point; null where it wasn't measured. */
  columns: Record<string, (number | null)[]>;
}

export interface EvaluationPoint {
  step: number;
  accuracy: number;
  low: number;
  high: number;
  /** Seconds of training until then. */
  seconds: number;
}

/** Who was asked what when, and how many of the completions were right. */
export interface OutcomeData {
  /** As `RunData` has it. */
  version: number;
  problems: { prompt: string; answer: string }[];
  /** Four numbers a visit: step, problem, right ones, all of them. */
  visits: number[];
}

/** Completions of a prompt that are alike; as `completions.jsonl` has them. */
export interface CompletionRecord {
  step: number;
  prompt: string;
  answer: string;
  completion: string;
  /** Absent in the files of older versions, as are the last two. */
  extracted?: string;
  length: number;
  ended: 'eos' | 'stop' | 'length';
  reward: number | null;
  rewards?: Record<string, number | null>;
  advantage: number;
  correct: boolean;
  count: number;
  logps?: number[];
  tokens?: number[];
}

/** Everything but what a page asks for when it shows it: outcomes, and completions a step at a time. */
export interface RunData {
  /** Goes up each time that something new was read: an update of no higher one is in here already. */
  version: number;
  name: string;
  path: string;
  config: Record<string, unknown>;
  /** Names of the options that aren't at their defaults. */
  chosen: string[];
  env: Record<string, unknown> | null;
  /** `summary.json`; null while the run goes on. */
  summary: Record<string, unknown> | null;
  /** The command that repeats it. */
  command: string;
  steps: number;
  plannedSteps: number;
  seconds: number;
  curves: CurveData;
  evaluations: EvaluationPoint[];
  diagnoses: Diagnosed[];
  /** Steps whose completions can be asked for, ascending. */
  completionSteps: number[];
}

/** What happened since the last message, pushed to open pages. */
export interface Update {
  version: number;
  rows: Record<string, number>[];
  evaluations: EvaluationPoint[];
  /** All of them. */
  diagnoses: Diagnosed[];
  /** Beside those that are known. */
  problems: OutcomeData['problems'];
  /** From the first of these steps on they replace what was known. */
  visits: number[];
  completionSteps: number[];
  summary: Record<string, unknown> | null;
  steps: number;
  plannedSteps: number;
  seconds: number;
}

/** What a file that opens by itself holds beside the page. */
export interface Embedded {
  version: string;
  made: string;
  runs: RunData[];
  /** Of several runs: a row each, and the options in which they differ with each one's value. */
  comparison?: { rows: ComparedRun[]; differences: Record<string, unknown[]> };
  /** Whether completions of some steps were left out, so that the file stays small. */
  thinned: boolean;
}
