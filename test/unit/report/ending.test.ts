import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { TrainPlan, TrainSummary } from '../../../src/grpo/events.js';
import type { Diagnosed } from '../../../src/diagnosis/events.js';
import { ending, whatHappened } from '../../../src/report/ending.js';

const noticed = (
  diagnosis: string,
  began: number,
  ended?: number,
  level: Diagnosed['level'] = 'warning',
) => ({
  ...{ diagnosis, began, ended, level },
  ...{ title: diagnosis.replaceAll('_', ' '), evidence: '', remedies: [], metric: 'reward' },
});

describe('what was noticed', () => {
  it.each([
    ['once, and over', [noticed('no_gradient', 5, 20)], ['no gradient (warning), steps 5 to 20']],
    ['once, to the end', [noticed('no_gradient', 5)], ['no gradient (warning), from step 5 on']],
    [
      'again and again, as bad as it was at its worst',
      [noticed('no_gradient', 5, 20), noticed('kl_low', 9, 12), noticed('no_gradient', 30, 40, 'bad')],
      ['no gradient (bad), 2 times, steps 5 to 40', 'kl low (warning), steps 9 to 12'],
    ],
    [
      'again and again, to the end',
      [noticed('no_gradient', 5, 20), noticed('no_gradient', 30)],
      ['no gradient (warning), 2 times, from step 5 on'],
    ],
  ])('%s', (_, diagnoses, lines) => {
    expect(whatHappened(diagnoses).map(stripVTControlCharacters)).toEqual(lines);
  });
});

describe('what a run came to', () => {
  const summary = {
    steps: 6,
    seconds: 12,
    interrupted: false,
    phases: { sample: 3, reward: 0, reference: 0, train: 3, optimizer: 0 },
    diagnoses: [],
  } as unknown as TrainSummary;

  it.each([
    ['from its beginning', 0, 'Done: 6 steps in 12'],
    ['in its last sitting', 4, 'Done: 6 steps in 12'],
    ['before this sitting', 6, 'Nothing was left to do: all 6 steps were taken already'],
  ])('%s', (_, startStep, head) => {
    const text = stripVTControlCharacters(ending(summary, { startStep, steps: 6 } as TrainPlan, []));
    expect(text).toContain(head);
    // Of all sittings together.
    expect(text).toMatch(/ 1(\.0)? s a step: sample 50%, train 50%/);
  });
});
