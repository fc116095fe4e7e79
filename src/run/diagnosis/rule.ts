/** What a rule of the diagnosis is: a pure function from a run's metrics to what is wrong, if anything is. */
import type { MetricName, Metrics } from '../../grpo/metrics.js';
import type { Level } from './events.js';

/** What rules know beside metrics. */
export interface RunFacts {
  kind: 'grpo' | 'sft';
  /** Planned. */
  steps: number;
  beta: number;
  /** At its highest. */
  learningRate: number;
  numGenerations: number;
  maxCompletionLength: number;
  /** Different problems that are learned from. */
  trainProblems: number;
  /** Share of an epoch's problems that repeat another. */
  repeatedShare: number;
}

/** Of a run so far. */
export interface History {
  /** A row a step, the last one at the end. */
  steps: readonly Metrics[];
  /** Rows with an evaluation; `step` 0: before training. */
  evaluations: readonly Metrics[];
}

export interface Sign {
  level: Level;
  /** One sentence with the figures that show it. */
  evidence: string;
}

export interface Rule {
  /** Stable, as files have it. */
  name: string;
  title: string;
  /** Where a page marks it. */
  metric: MetricName;
  /** Steps it looks back over. It isn't asked before there are as many, and ends when it was silent for as long. */
  window: number;
  check(history: History, facts: RunFacts): Sign | undefined;
  /** What to try, the likeliest first. */
  remedies: string[] | ((facts: RunFacts) => string[]);
}

/** Mean of a metric over the last steps that have it; undefined where none has. */
export function recent(steps: readonly Metrics[], name: MetricName, window: number): number | undefined {
  return mean(steps.slice(-window), name);
}

export function mean(rows: readonly Metrics[], name: MetricName): number | undefined {
  const values = rows.map((row) => row[name]).filter((value) => value !== undefined);
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/** Over the steps of a run that have it; undefined where none has. */
export function median(rows: readonly Metrics[], name: MetricName): number | undefined {
  const values = rows.map((row) => row[name]).filter((value) => value !== undefined);
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** `bad` from the second threshold up, `warning` from the first. */
export function levelAbove(
  value: number,
  { warning, bad }: { warning: number; bad: number },
): Level | undefined {
  return value > bad ? 'bad' : value > warning ? 'warning' : undefined;
}

export const percent = (share: number): string => `${Math.round(100 * share)}%`;

/** Three significant digits. */
export const short = (value: number): string => String(Number(value.toPrecision(3)));
