/** The events of the diagnosis; plain data, for files and pages. */

/**
 * `note`: worth knowing; `warning`: the run learns less than it could; `bad`: it learns nothing, or gets
 * worse.
 */
export type Level = 'note' | 'warning' | 'bad';

const WORST_FIRST: readonly Level[] = ['bad', 'warning', 'note'];

/** Sort order by level, the worst first. */
export const byLevel = (a: { level: Level }, b: { level: Level }): number =>
  WORST_FIRST.indexOf(a.level) - WORST_FIRST.indexOf(b.level);

/** A change in a diagnosis, as a line of `metrics.jsonl`. */
export interface DiagnosisEvent {
  step: number;
  /** The rule's name. */
  diagnosis: string;
  title: string;
  event: 'begins' | 'worsens' | 'ends';
  level: Level;
  evidence: string;
  /** What to try. */
  remedies: string[];
  /** The metric in whose chart pages mark the event. */
  metric: string;
}

/** A diagnosis from its beginning to its end, for the summary of a run. */
export interface Diagnosed extends Omit<DiagnosisEvent, 'step' | 'event'> {
  /** Step at which it began. */
  began: number;
  /** Step at which it ended; absent while it lasts. */
  ended?: number | undefined;
}
