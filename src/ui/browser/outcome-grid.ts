/** Turns visits into a grid of cells: rows are problems, columns are ranges of steps. Pure functions. */
import { VISIT, type OutcomeData } from '../server/types.js';

export type Order = 'first' | 'hardest';

/** Kinds of cells: whether the completions were right when the problem was last sampled. */
export const KINDS = ['unseen', 'wrong', 'mixed', 'right'] as const;

export interface Columns {
  count: number;
  /** Steps per column. */
  per: number;
}

export interface Visit {
  step: number;
  right: number;
  all: number;
}

/** @param most most columns that fit */
export function columnsFor(steps: number, most: number): Columns {
  const per = Math.max(1, Math.ceil(steps / Math.max(1, most)));
  return { count: Math.max(1, Math.ceil(steps / per)), per };
}

/** For each problem, the indices of its visits in `visits`, in the order of steps. */
export function visitsByProblem({ problems, visits }: OutcomeData): number[][] {
  const own: number[][] = problems.map(() => []);
  for (let at = 0; at < visits.length; at += VISIT) own[visits[at + 1]!]!.push(at);
  return own;
}

/** Indices of problems from the top row down: by when each was first sampled, or by how often it was wrong. */
export function rowOrder(byProblem: readonly number[][], visits: readonly number[], order: Order): number[] {
  const rows = byProblem.map((_, problem) => problem);
  if (order === 'first') return rows;
  const sum = (own: number[], offset: number) => own.reduce((total, at) => total + visits[at + offset]!, 0);
  const shares = byProblem.map((own) => sum(own, 2) / Math.max(1, sum(own, 3)));
  return rows.sort((a, b) => shares[a]! - shares[b]! || a - b);
}

/** Indices in `KINDS`, one per column. A cell stays as it was until the problem is sampled again. */
export function rowCells(own: readonly number[], visits: readonly number[], columns: Columns): Uint8Array {
  const cells = new Uint8Array(columns.count);
  for (const at of own) {
    const column = Math.floor((visits[at]! - 1) / columns.per);
    // Fills all later columns too; later visits overwrite them.
    if (column < columns.count) cells.fill(kindOf(visits[at + 2]!, visits[at + 3]!), column);
  }
  return cells;
}

export const kindOf = (right: number, all: number): number => (right === 0 ? 1 : right === all ? 3 : 2);

/** The last visit of a problem up to a step. */
export function visitAt(own: readonly number[], visits: readonly number[], step: number): Visit | undefined {
  const at = own.findLast((one) => visits[one]! <= step);
  return at === undefined ? undefined : { step: visits[at]!, right: visits[at + 2]!, all: visits[at + 3]! };
}
