import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Diagnosed } from '../../../../src/run/diagnosis/events.js';
import { whatHappened } from '../../../../src/ui/terminal/ending.js';

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
