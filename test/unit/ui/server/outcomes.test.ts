import { describe, expect, it } from 'vitest';
import { Outcomes } from '../../../../src/ui/server/outcomes.js';
import type { CompletionRecord } from '../../../../src/ui/server/types.js';

const record = (probability: number, more: Partial<CompletionRecord> = {}): CompletionRecord => ({
  step: 1,
  prompt: '1 + 1 = ',
  answer: '2',
  completion: '2',
  length: 1,
  ended: 'eos',
  reward: 1,
  advantage: 0,
  correct: true,
  count: 1,
  ids: [2],
  logps: [Math.log(probability)],
  ...more,
});
const wrong = (probability: number, ids: number[]) => record(probability, { ids, correct: false });

/** What the visits of these completions are, without the bounds: and those. */
function visitsOf(...records: CompletionRecord[]): { counts: number[]; bounds: number[] }[] {
  const outcomes = new Outcomes();
  for (const one of records) outcomes.add(one);
  const { visits } = outcomes.data(1);
  return Array.from({ length: visits.length / 6 }, (_, i) => ({
    counts: visits.slice(6 * i, 6 * i + 4),
    bounds: visits.slice(6 * i + 4, 6 * i + 6),
  }));
}

describe('what a visit tells of pass@1', () => {
  it('is at least what is right of what was seen, and at most that with all that was not', () => {
    expect(visitsOf(record(0.5), wrong(0.2, [3]), wrong(0.1, [4]))).toEqual([
      { counts: [1, 0, 1, 3], bounds: [0.5, 0.7] },
    ]);
  });

  it('counts completions of the same tokens once, and those of other tokens apart', () => {
    const again = record(0.5, { count: 3, advantage: 0.1 });
    expect(visitsOf(record(0.5), again, record(0.25, { ids: [7] }))).toEqual([
      { counts: [1, 0, 5, 5], bounds: [0.75, 1] },
    ]);
  });

  it('begins anew with each step and problem', () => {
    const other = record(0.3, { prompt: '2 + 2 = ' });
    expect(visitsOf(record(0.5), other, record(0.9, { step: 2 }))).toEqual([
      { counts: [1, 0, 1, 1], bounds: [0.5, 1] },
      { counts: [1, 1, 1, 1], bounds: [0.3, 1] },
      { counts: [2, 0, 1, 1], bounds: [0.9, 1] },
    ]);
  });

  it('is nothing where a log-prob is not recorded, whatever the others are', () => {
    const old = record(0.5);
    delete old.logps;
    const nonfinite = record(0.5, { ids: [8], logps: [null as unknown as number] });
    for (const unknown of [old, nonfinite])
      expect(visitsOf(wrong(0.2, [3]), unknown, wrong(0.1, [4]))[0]!.bounds).toEqual([0, 1]);
  });

  it('stays within 0 and 1 though log-probs are rounded', () => {
    expect(visitsOf(record(0.8), wrong(0.21, [3]))[0]!.bounds).toEqual([0.8, 0.8]);
    expect(visitsOf(record(0.8), record(0.21, { ids: [3] }))[0]!.bounds).toEqual([1, 1]);
  });
});
