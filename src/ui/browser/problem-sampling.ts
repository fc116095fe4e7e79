/** Which problems a run sampled for, and how often the policy was right then. Pure functions. */
import { Curves } from '../server/curves.js';
import { VISIT, type CurveData, type OutcomeData } from '../server/types.js';
import { visitsByProblem } from './outcome-grid.js';

/** Bounds of pass@1; 0 and 1 where nothing is known. */
export interface Bounds {
  low: number;
  high: number;
}

/** A problem that was sampled for. */
export interface SampledProblem {
  prompt: string;
  answer: string;
  /** Steps that sampled for it. */
  times: number;
  /** The last of them. */
  last: number;
  /** Its pass@1 at the first of them, and at the last. */
  before: Bounds;
  after: Bounds;
}

/** What the table of problems is ordered by. */
export type SortKey = 'times' | 'last' | 'before' | 'after';

/** Pass@1 from which on a problem is solved, and up to which it is not. */
const SOLVED = 0.9;
const UNSOLVED = 0.1;

/** Kinds of problems by their pass@1; `unknown` where the bounds leave open which it is. */
export const PASS_KINDS = ['unsolved', 'between', 'solved', 'unknown'] as const;
export type PassKind = (typeof PASS_KINDS)[number];

export function passKind({ low, high }: Bounds): PassKind {
  if (low >= SOLVED) return 'solved';
  if (high <= UNSOLVED) return 'unsolved';
  return low > UNSOLVED && high < SOLVED ? 'between' : 'unknown';
}

/** In the order in which they were first sampled for. */
export function sampledProblems(data: OutcomeData): SampledProblem[] {
  const { problems, visits } = data;
  return visitsByProblem(data).flatMap((own, problem) =>
    own.length === 0
      ? []
      : {
          ...problems[problem]!,
          times: own.length,
          last: visits[own.at(-1)!]!,
          before: boundsAt(visits, own[0]!),
          after: boundsAt(visits, own.at(-1)!),
        },
  );
}

/** Greatest first where `descending`; equal ones stay in their order. Pass@1 is ordered by the middle of its bounds. */
export function sorted(
  problems: readonly SampledProblem[],
  key: SortKey,
  descending: boolean,
): SampledProblem[] {
  const valueOf = (problem: SampledProblem) => {
    const value = problem[key];
    return typeof value === 'number' ? value : value.low + value.high;
  };
  const sign = descending ? -1 : 1;
  return [...problems].sort((a, b) => sign * (valueOf(a) - valueOf(b)));
}

/** Of the problems of each step, the share of each kind. */
export function kindShares({ visits }: OutcomeData): CurveData {
  const curves = new Curves();
  for (let from = 0; from < visits.length;) {
    const step = visits[from]!;
    const counts: Record<PassKind, number> = { unsolved: 0, between: 0, solved: 0, unknown: 0 };
    let at = from;
    for (; at < visits.length && visits[at] === step; at += VISIT) counts[passKind(boundsAt(visits, at))]++;
    const all = (at - from) / VISIT;
    const shares = PASS_KINDS.map((kind) => [kind, counts[kind] / all] as const);
    curves.add({ step, ...Object.fromEntries(shares) });
    from = at;
  }
  return curves.data();
}

const boundsAt = (visits: readonly number[], at: number): Bounds => ({
  low: visits[at + 4]!,
  high: visits[at + 5]!,
});
