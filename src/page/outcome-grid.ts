/** From visits to a picture of cells: rows are problems, columns are stretches of steps. Pure. */
import type { OutcomeData } from '../pages/types.js';

export type Order = 'first' | 'hardest';

export interface Grid {
  /** Positions of problems, from the top row down. */
  rows: number[];
  columns: number;
  /** Steps that a column stands for. */
  perColumn: number;
  /** Row after row: share of right completions when last sampled; -1: not sampled yet. */
  cells: Float32Array;
}

/** @param columns that there is room for */
export function outcomeGrid(
  { problems, visits }: OutcomeData,
  steps: number,
  columns: number,
  order: Order,
): Grid {
  const perColumn = Math.max(1, Math.ceil(steps / columns));
  const width = Math.max(1, Math.ceil(steps / perColumn));
  const rows = ordered(problems.length, visits, order);
  const rowOf = new Map(rows.map((problem, row) => [problem, row]));
  const cells = new Float32Array(rows.length * width).fill(-1);
  for (let i = 0; i < visits.length; i += 4) {
    const column = Math.floor((visits[i]! - 1) / perColumn);
    if (column < width) cells[rowOf.get(visits[i + 1]!)! * width + column] = visits[i + 2]! / visits[i + 3]!;
  }
  // What isn't sampled again stays as it was.
  for (let row = 0; row < rows.length; row++)
    for (let column = 1; column < width; column++) {
      const at = row * width + column;
      if (cells[at]! < 0) cells[at] = cells[at - 1]!;
    }
  return { rows, columns: width, perColumn, cells };
}

/** By when each was met first, or by how often it was wrong. */
function ordered(count: number, visits: readonly number[], order: Order): number[] {
  const rows = Array.from({ length: count }, (_, i) => i);
  if (order === 'first') return rows;
  const right = new Float64Array(count);
  const all = new Float64Array(count);
  for (let i = 0; i < visits.length; i += 4) {
    right[visits[i + 1]!]! += visits[i + 2]!;
    all[visits[i + 1]!]! += visits[i + 3]!;
  }
  return rows.sort((a, b) => right[a]! / all[a]! - right[b]! / all[b]! || a - b);
}

/** What a problem was answered at its last visit up to a step. */
export function visitAt(
  visits: readonly number[],
  problem: number,
  step: number,
): { step: number; right: number; all: number } | undefined {
  for (let i = visits.length - 4; i >= 0; i -= 4)
    if (visits[i + 1] === problem && visits[i]! <= step)
      return { step: visits[i]!, right: visits[i + 2]!, all: visits[i + 3]! };
  return undefined;
}
