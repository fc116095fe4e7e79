import fc from 'fast-check';
import stringWidth from 'string-width';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { completionsTable } from '../../../src/report/completions.js';
import { LiveBlock } from '../../../src/report/live.js';
import { bar, sparkline } from '../../../src/report/sparkline.js';
import { duration, fit, number, visible } from '../../../src/report/text.js';

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
  const one = { prompt: 'Calculate: 1 + 2 = ', answer: '3', completion: '3', reward: 1, advantage: 0.5 };

  it('counts equal completions', () => {
    const table = stripVTControlCharacters(
      completionsTable([one, one, { ...one, completion: '4', reward: -1 }], 100),
    );
    expect(table).toMatch(/│ 3 +│ +2 │ +1\.000 │/);
    expect(table).toMatch(/│ 4 +│ +1 │ +-1\.000 │/);
  });

  it('keeps its shape whatever a model says', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(strange, strange), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 20, max: 200 }),
        (texts, width) => {
          const table = completionsTable(
            texts.map(([prompt, completion]) => ({ ...one, prompt, completion })),
            width,
          );
          const widths = new Set(table.split('\n').map((line) => stringWidth(line)));
          expect(widths.size).toBe(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is quick with huge texts', () => {
    const start = performance.now();
    completionsTable(
      [{ ...one, completion: 'x'.repeat(5_000_000), prompt: '\u0301'.repeat(1_000_000) }],
      100,
    );
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('a live block', () => {
  it('draws over itself and keeps what is printed above', () => {
    let written = '';
    const live = new LiveBlock({ write: (text) => (written += text), columns: 40 });
    live.draw(['one', 'two']);
    live.print('said');
    live.draw(['x'.repeat(100)]);
    live.end();
    expect(written).toContain('\x1b[2A\r\x1b[Jsaid\none\ntwo\n');
    expect(written).toContain(`${'x'.repeat(38)}…`);
    expect(written.endsWith('\x1b[?25h')).toBe(true);
  });
});
