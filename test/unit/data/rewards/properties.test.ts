/** What holds of every reward by name, whatever the text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../../../src/data/rewards/judge.js';
import type { RewardSpec } from '../../../../src/data/rewards/types.js';
import type { Problem } from '../../../../src/data/tasks/task.js';
import { loadOne, problemOf, valueOf } from '../../../support/rewards.js';

const columns = { nums: [5, 6, 1, 1] };
const schema = {
  type: ['object', 'array', 'number'],
  required: ['a'],
  properties: { a: { type: 'number', multipleOf: 0.1 } },
  uniqueItems: true,
};

const SPECS: [RewardSpec, Problem][] = [
  ['exact_match', problemOf('Paris')],
  [{ exact_match: { tag: 'answer' } }, problemOf('5')],
  ['contains', problemOf('5')],
  ['one_of:yes,no,no way,way out of', problemOf('no')],
  [{ one_of: { labels: ['好', 'Σ', 'ς b', 'c'], tag: 'answer' } }, problemOf('c')],
  ['regex:(?i)answer[:\\s]+(-?\\d+)', problemOf('5')],
  ['number', problemOf('1,234.5')],
  ['number:last', problemOf('5')],
  ['number:####', problemOf('5')],
  ['number:boxed', problemOf('5')],
  [{ number: { tag: 'answer' } }, problemOf('5')],
  ['math', problemOf('1/2')],
  ['math', problemOf('x + 1')],
  ['math:countdown', problemOf('24', { columns })],
  [{ json_schema: { schema } }, problemOf('5')],
  ['format:think,answer', problemOf('5')],
  ['length:8', problemOf('5')],
  ['similarity', problemOf('abab'.repeat(60))],
];

/** Pieces that rewards look for, and texts of any kind. */
const text = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        ...['5', '1', '0', '234', ',', '.', '-', '+', '/', 'e', '$', ' ', '\n', "'", '\u00a0', '\u2212', '%'],
        ...['yes', 'no', ' way', 'out of', 'Yes', 'Σ', 'ς', 'b', 'c', '好', 'Answer: ', 'answer'],
        ...['<answer>', '</answer>', '<think>', '</think>', '<', '####', '#', '\\boxed{', '\\', '{', '}'],
        ...['(', ')', '*', '^', '=', '\\frac{', 'x', '"a":', '[', ']', '"', '```json', '``', '`', 'true'],
        // Whole answers: put together from the pieces above they are too rare to count on.
        ...['\\boxed{5}', '<answer>5</answer>', '#### 5\n', 'answer: 5 '],
        ...['\ufffd', '\u0301', '🦜', '\ud800', '５', '٣'],
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

describe.each(SPECS)('%j', (spec, problem) => {
  it('gives every text a value from 0 to 1, and reads it as a text', async () => {
    const reward = await loadOne(spec, problem);
    await fc.assert(
      fc.asyncProperty(text, async (completion) => {
        const value = await valueOf(reward, completion, problem);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        if (reward.extract) expect(typeof reward.extract(completion, problem)).toBe('string');
      }),
      { numRuns: 500 },
    );
  });

  it('is decided where it says so: nothing that follows changes what is read', async () => {
    const { stop, ...reward } = await loadOne(spec, problem);
    if (!stop) {
      expect(stop).toBeNull();
      return;
    }
    let stopped = 0;
    await fc.assert(
      fc.asyncProperty(text, text, async (begin, rest) => {
        if (!stop(begin, problem)) return;
        stopped++;
        expect(await valueOf(reward, begin + rest, problem)).toBe(await valueOf(reward, begin, problem));
        expect(reward.extract?.(begin + rest, problem)).toBe(reward.extract?.(begin, problem));
      }),
      { numRuns: 3000 },
    );
    expect(stopped).toBeGreaterThan(0);
  });

  it('takes no time on long texts', async () => {
    const reward = await loadOne(spec, problem);
    const units = [
      '9',
      '1,234',
      ',234',
      '.',
      ' ',
      '#',
      '####',
      '\\boxed{',
      '{',
      '[',
      '"',
      '`',
      '<answer>',
      'no ',
    ];
    const long = [
      ...units,
      '</answer>',
      '<answer></answer>',
      '-',
      '(',
      '\n',
      'ab',
      '\\frac{',
      '[1,',
      'way out o',
    ];
    const completions = [
      ...long.map((unit) => unit.repeat(Math.ceil(300_000 / unit.length))),
      `{"a": [${Array.from({ length: 5000 }, (_, i) => i).join()}]}`,
      `[${Array.from({ length: 4000 }, (_, i) => i).join()}]`,
    ].map((completion) => ({ ...problem, completion, problem }));
    // A search that took the square of the length would take minutes.
    const values = await judge(reward.reward, completions, { timeout: 20 });
    expect(values).toHaveLength(completions.length);
    for (const { completion } of completions) reward.stop?.(completion, problem);
  }, 60_000);

  it('rewards what it writes for a right answer', async () => {
    const reward = await loadOne(spec, problem);
    const right = reward.write ? reward.write(problem.answer, problem) : problem.answer;
    if (right !== null) expect(await valueOf(reward, right, problem)).toBe(1);
  });
});
