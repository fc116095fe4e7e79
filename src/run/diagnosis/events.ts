/** What the diagnosis tells; plain data, for files and pages. */

/** `note`: worth knowing; `warning`: learns less than it could; `bad`: doesn't learn, or unlearns. */
export type Level = 'note' | 'warning' | 'bad';

const GRAVEST_FIRST: readonly Level[] = ['bad', 'warning', 'note'];

/** For sorting: the gravest first. */
export const byLevel = (a: { level: Level }, b: { level: Level }): number =>
  GRAVEST_FIRST.indexOf(a.level) - GRAVEST_FIRST.indexOf(b.level);

/** As `metrics.jsonl` has it. */
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
  /** Where a page marks it. */
  metric: string;
}

/** One rule's story, for the ending. */
export interface Diagnosed extends Omit<DiagnosisEvent, 'step' | 'event'> {
  /** First step, and the last one; absent while it goes on. */
  began: number;
  ended?: number | undefined;
}
