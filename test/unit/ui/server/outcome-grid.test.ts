import { describe, expect, it } from 'vitest';
import {
  columnsFor,
  KINDS,
  rowCells,
  rowOrder,
  visitAt,
  visitsByProblem,
} from '../../../../src/ui/browser/outcome-grid.js';

/** Step, problem, right ones, all of them; nothing is known of pass@1. */
const visits = [
  [1, 0, 0, 4],
  [1, 1, 2, 4],
  [3, 0, 4, 4],
  [4, 1, 4, 4],
  [4, 2, 0, 4],
].flatMap((visit) => [...visit, 0, 1]);
const data = { version: 1, problems: ['a', 'b', 'c'].map((prompt) => ({ prompt, answer: '1' })), visits };
const own = visitsByProblem(data);
const row = (problem: number, columns = columnsFor(5, 100)) =>
  [...rowCells(own[problem]!, visits, columns)].map((kind) => KINDS[kind]);

describe('the map of problems', () => {
  it('shows a problem as it was when last sampled', () => {
    expect(row(0)).toEqual(['wrong', 'wrong', 'right', 'right', 'right']);
    expect(row(1)).toEqual(['mixed', 'mixed', 'mixed', 'right', 'right']);
    expect(row(2)).toEqual(['unseen', 'unseen', 'unseen', 'wrong', 'wrong']);
  });

  it('has no more columns than there is room for', () => {
    expect(columnsFor(10_000, 300)).toEqual({ count: 295, per: 34 });
    expect(row(0, columnsFor(5, 2))).toEqual(['right', 'right']);
    expect(row(2, columnsFor(5, 3))).toEqual(['unseen', 'wrong', 'wrong']);
  });

  it('puts the hardest first when asked to', () => {
    expect(rowOrder(own, visits, 'first')).toEqual([0, 1, 2]);
    expect(rowOrder(own, visits, 'hardest')).toEqual([2, 0, 1]);
  });

  it('knows what a problem was answered at a step', () => {
    expect(visitAt(own[0]!, visits, 2)).toEqual({ step: 1, right: 0, all: 4 });
    expect(visitAt(own[0]!, visits, 3)).toEqual({ step: 3, right: 4, all: 4 });
    expect(visitAt(own[2]!, visits, 3)).toBeUndefined();
  });
});
