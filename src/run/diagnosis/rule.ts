/**
 * The interface of a rule of the diagnosis: a pure function from a run's metrics to a sign of a problem, if
 * any.
 */
import type { MetricName, Metrics } from '../../grpo/metrics.js';
import type { Level } from './events.js';

/** What rules know of a run beside its metrics. */
export interface RunFacts {
  kind: 'grpo' | 'sft';
  /** Planned number of optimiser steps. */
  steps: number;
  beta: number;
  /** Highest learning rate of the schedule. */
  learningRate: number;
  numGenerations: number;
  maxCompletionLength: number;
  /** The option `stop`. */
  stop: string | string[];
  /** Number of different training problems. */
  trainProblems: number;
  /** Share of an epoch's problems that repeat another. */
  repeatedShare: number;
}

/** The metrics of a run so far. */
export interface History {
  /** One row for each step, the latest last. */
  steps: readonly Metrics[];
  /** The rows with an evaluation; the one with `step` 0 is from before training. */
  evaluations: readonly Metrics[];
}

/** What a rule has found. */
export interface Sign {
  level: Level;
  /** One sentence with the figures that show it. */
  evidence: string;
}

export interface Rule {
  /** Stable name; files contain it. */
  name: string;
  title: string;
  /** The metric in whose chart pages mark the diagnosis. */
  metric: MetricName;
  /**
   * Number of steps that the rule looks at. It isn't checked before there are as many, and its diagnosis ends
   * after as many steps without a sign.
   */
  window: number;
  check(history: History, facts: RunFacts): Sign | undefined;
  /** What to try, the likeliest first. */
  remedies: string[] | ((facts: RunFacts) => string[]);
}

/** Mean of a metric over those of the last `window` steps that have it; undefined where none has. */
export function recent(steps: readonly Metrics[], name: MetricName, window: number): number | undefined {
  return mean(steps.slice(-window), name);
}

/** Mean of a metric over the rows that have it; undefined where none has. */
export function mean(rows: readonly Metrics[], name: MetricName): number | undefined {
  const values = rows.map((row) => row[name]).filter((value) => value !== undefined);
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/** Median of a metric over the rows that have it; undefined where none has. */
export function median(rows: readonly Metrics[], name: MetricName): number | undefined {
  const values = rows.map((row) => row[name]).filter((value) => value !== undefined);
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** `bad` above the threshold for that, else `warning` above its own, else undefined. */
export function levelAbove(
  value: number,
  { warning, bad }: { warning: number; bad: number },
): Level | undefined {
  return value > bad ? 'bad' : value > warning ? 'warning' : undefined;
}

export const percent = (share: number): string => `${Math.round(100 * share)}%`;

/** A number as text, with three significant digits. */
export const short = (value: number): string => String(Number(value.toPrecision(3)));
