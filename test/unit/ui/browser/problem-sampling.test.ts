import { describe, expect, it } from 'vitest';
import {
  kindShares,
  passKind,
  sampledProblems,
  sorted,
  type SortKey,
} from '../../../../src/ui/browser/problem-sampling.js';

/** Step, problem, right ones, all of them, bounds of pass@1. */
const visits = [
  [1, 0, 0, 8, 0, 0.05],
  [1, 1, 8, 8, 0.95, 1],
  [2, 0, 2, 8, 0.2, 0.3],
  [2, 2, 4, 8, 0, 1],
  [5, 0, 8, 8, 0.9, 0.95],
].flat();
const data = {
  version: 1,
  problems: ['a', 'b', 'c', 'd'].map((prompt) => ({ prompt, answer: '1' })),
  visits,
};

describe('the problems that were sampled for', () => {
  it('have their times, their last step, and pass@1 at their first and last', () => {
    expect(sampledProblems(data)).toEqual([
      {
        prompt: 'a',
        answer: '1',
        times: 3,
        last: 5,
        before: { low: 0, high: 0.05 },
        after: { low: 0.9, high: 0.95 },
      },
      expect.objectContaining({ prompt: 'b', times: 1, last: 1, after: { low: 0.95, high: 1 } }),
      expect.objectContaining({ prompt: 'c', times: 1, last: 2, before: { low: 0, high: 1 } }),
    ]);
  });

  it.each<[SortKey, string, string]>([
    ['times', 'abc', 'bca'],
    ['last', 'acb', 'bca'],
    ['before', 'bca', 'acb'],
    ['after', 'bac', 'cab'],
  ])('are sorted by %s: %s, the other way %s', (key, descending, ascending) => {
    const order = (down: boolean) =>
      sorted(sampledProblems(data), key, down)
        .map(({ prompt }) => prompt)
        .join('');
    expect([order(true), order(false)]).toEqual([descending, ascending]);
  });

  it('are of a kind only where the bounds leave no doubt', () => {
    const kinds = [
      [0.9, 1],
      [0.89, 1],
      [0, 0.1],
      [0, 0.11],
      [0.11, 0.89],
      [0, 1],
    ].map(([low, high]) => passKind({ low: low!, high: high! }));
    expect(kinds).toEqual(['solved', 'unknown', 'unsolved', 'unknown', 'between', 'unknown']);
  });

  it('have shares of each kind in the steps that sampled', () => {
    expect(kindShares(data)).toEqual({
      per: 1,
      steps: [1, 2, 5],
      columns: {
        unsolved: [0.5, 0, 0],
        between: [0, 0.5, 0],
        solved: [0.5, 0, 1],
        unknown: [0, 0.5, 0],
      },
    });
  });
});
