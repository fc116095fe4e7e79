/** The events of the diagnosis; plain data, for files and pages. */

/**
 * `note`: worth knowing; `warning`: the model learns less than it could; `bad`: it learns nothing, or unlearns.
 */
export type Level = 'note' | 'warning' | 'bad';

const WORST_FIRST: readonly Level[] = ['bad', 'warning', 'note'];

/** Sort order by level, the worst first. */
export const byLevel = (a: { level: Level }, b: { level: Level }): number =>
  WORST_FIRST.indexOf(a.level) - WORST_FIRST.indexOf(b.level);

/** A finding of the diagnosis, as `metrics.jsonl` has it. */
export interface DiagnosisEvent {
  /** Optimiser steps taken. */
  step: number;
  /** Name of the rule, as in docs/diagnosis.md. */
  diagnosis: string;
  /** What it found, in a few words. */
  title: string;
  /** Whether the finding begins, worsens or ends. */
  event: 'begins' | 'worsens' | 'ends';
  /** How grave it is. */
  level: Level;
  /** The numbers that it rests on, in a sentence. */
  evidence: string;
  /** What to try, with options. */
  remedies: string[];
  /** The metric in which it shows. */
  metric: string;
}

/** A finding of the diagnosis over the whole run. */
export interface Diagnosed extends Omit<DiagnosisEvent, 'step' | 'event'> {
  /** First step of it. */
  began: number;
  /** Last step of it; absent while it lasts. */
  ended?: number | undefined;
}
