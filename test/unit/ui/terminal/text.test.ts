import fc from 'fast-check';
import stringWidth from 'string-width';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bestAndWorst, completionsTable } from '../../../../src/ui/terminal/completions.js';
import { bar, sparkline } from '../../../../src/ui/terminal/sparkline.js';
import { fit, fitting, visible, wrapped } from '../../../../src/ui/terminal/text.js';
import { bytes, duration, number, parameters } from '../../../../src/common/format.js';

const strange = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '\x1b[2J\x1b[31m',
    'a\nb\r\tc',
    '\u202eabc',
    '👩‍👩‍👧‍👦'.repeat(50),
    'e' + '\u0301'.repeat(500),
    '\ud800',
    '漢字'.repeat(40),
    '\u200b'.repeat(9),
  ),
);

describe('text for a terminal', () => {
  it('shows what it would obey', () => {
    expect(visible('25\n\x1b[31mred\u202e')).toBe('25\\n\\x1b[31mred\\u{202e}');
    expect(visible('Größe 漢字 🦜')).toBe('Größe 漢字 🦜');
  });

  it('never holds a control character and never exceeds its width', () => {
    fc.assert(
      fc.property(strange, fc.integer({ min: 2, max: 60 }), (text, width) => {
        const shown = fit(visible(text), width);
        expect(shown).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(stringWidth(shown)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('is broken between words, under the beginning of its text', () => {
    expect(wrapped('  time       1.2 s a step: sample 30%, train 70%', 30)).toBe(
      ['  time       1.2 s a step:', '             sample 30%, train', '             70%'].join('\n'),
    );
    expect(wrapped('  - one two three four', 14)).toBe(['  - one two', '    three four'].join('\n'));
    expect(wrapped('short\nwords and more words', 15)).toBe('short\nwords and more\nwords');
    const command = '  - go on: grpo-native train --output-dir runs/x --resume';
    expect(wrapped(command, 20)).toBe(command);
    const red = wrapped('  - \x1b[31mone two three four\x1b[39m', 14);
    expect(stripVTControlCharacters(red)).toBe(['  - one two', '    three four'].join('\n'));
    expect(red).toContain('two\x1b[39m\n    \x1b[31mthree');
  });

  it('writes numbers and times as people do', () => {
    expect([0, 0.62, 12.345, 123.45, 5e-6, NaN].map(number)).toEqual([
      '0',
      '0.620',
      '12.35',
      '123.5',
      '5.0e-6',
      '-',
    ]);
    expect([1.23, 42, 125, 3725].map(duration)).toEqual(['1.2 s', '42 s', '2 min 5 s', '1 h 2 min']);
  });

  it.each<[(value: number) => string, number, string]>([
    [duration, 0.9994, '999 ms'],
    [duration, 0.9996, '1.0 s'],
    [duration, 9.94, '9.9 s'],
    [duration, 9.96, '10 s'],
    [duration, 59.4, '59 s'],
    [duration, 59.6, '1 min 0 s'],
    [duration, 119.7, '2 min 0 s'],
    [duration, 3599.7, '1 h 0 min'],
    [duration, 7199, '2 h 0 min'],
    [bytes, 2 ** 20 - 1, '1 MiB'],
    [bytes, 2 ** 30 - 1, '1.0 GiB'],
    [number, 9.9996, '10.00'],
    [number, 999.96, '1000'],
    [number, 0.00099999, '0.001'],
    [parameters, 999_970_000, '1.00 billion'],
  ])('%o of %d is %s: no unit is overfull', (write, value, text) => {
    expect(write(value)).toBe(text);
  });
});

describe('a sparkline', () => {
  it('rises with the values', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
    expect(
      sparkline(
        Array.from({ length: 1000 }, (_, i) => i),
        10,
      ),
    ).toHaveLength(10);
    expect(sparkline([1, 1, 1], 8)).toBe('▄▄▄');
    expect(sparkline([NaN], 8)).toBe('');
    expect(bar(1, 4, 8)).toBe('━━──────');
  });
});

describe('the table of completions', () => {
  const one = {
    prompt: 'Calculate: 1 + 2 = ',
    answer: '3',
    completion: ' 3',
    extracted: '3',
    reward: 1,
    advantage: 0.5,
  };
  const shown = (completions: (typeof one)[], width: number) =>
    stripVTControlCharacters(completionsTable(bestAndWorst(completions), width));

  it('counts equal completions, and shows spaces, answers and what was expected', () => {
    const table = shown([one, one, { ...one, completion: ' 4\n', extracted: '4', reward: -1 }], 110);
    expect(table).toMatch(/│ ·3 +│ 3 +│ 3 +│ +1\.000 │ +0\.500 │ +2 │/);
    expect(table).toMatch(/│ ·4\\n +│ 4 +│ +│ +-1\.000 │ +0\.500 │ +1 │/);
  });

  it('has the best and the worst group', () => {
    const group = (prompt: string, reward: number) => ({ ...one, prompt, reward });
    const groups = bestAndWorst([group('b', 0), group('a', 1), group('a', 0), group('c', -1), group('b', 0)]);
    expect(groups.map(({ label, prompt }) => [label, prompt])).toEqual([
      ['best', 'a'],
      ['worst', 'c'],
    ]);
    expect(bestAndWorst([one])).toMatchObject([{ label: '' }]);
  });

  it('never exceeds the window, whatever a model says', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(strange, strange, strange), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 20, max: 200 }),
        (texts, width) => {
          const table = completionsTable(
            bestAndWorst(
              texts.map(([prompt, completion, extracted]) => ({ ...one, prompt, completion, extracted })),
            ),
            width,
          );
          const widths = table.split('\n').map((line) => stringWidth(line));
          expect(Math.max(...widths)).toBeLessThanOrEqual(width);
          // A table, where there is room for one, is straight.
          if (width >= 96) expect(new Set(widths).size).toBe(1);
          expect(table).not.toMatch(/[\p{Zl}\p{Zp}]/u);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('looks at no more of a huge text than it shows', () => {
    const huge = { ...one, completion: 'x'.repeat(5_000_000), prompt: '\u0301'.repeat(1_000_000) };
    expect(shown([huge], 100).length).toBeLessThan(5000);
  });
});

describe('parts of a line', () => {
  it('are left out from the end until the others fit', () => {
    const parts = ['one', 'twotwotwo', 'three', ''];
    expect(fitting(parts, ' · ', 80)).toBe('one · twotwotwo · three');
    expect(fitting(parts, ' · ', 12)).toBe('one · three');
    expect(fitting(parts, ' · ', 2)).toBe('o…');
  });
});
