import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberReward, wordReward } from '../../../../src/data/rewards/answer.js';
import { extractAnswer } from '../../../../src/data/rewards/extract.js';
import { stopAtNumber, stopAtWord } from '../../../../src/data/rewards/stop.js';
import type { Completion, Problem, RewardFunction, StopRule } from '../../../../src/data/tasks/task.js';

const judged = (completion: string, answer: string): Completion => {
  const problem = { prompt: '?', answer };
  return { prompt: problem.prompt, completion, answer, problem };
};
const rewardOf = (reward: RewardFunction, completion: string, answer: string) =>
  (reward([judged(completion, answer)]) as number[])[0];

describe('extractAnswer', () => {
  it.each([
    // The journal's examples: 15 + 8, 12 - 7, 4 * 9, 14 - 14, and what models write around them.
    ['23', '23'],
    ['5\n', '5'],
    ['36 is the answer', '36'],
    ['0', '0'],
    [' -7', '-7'],
    ['-7.', '-7'],
    ['23.5', '23'],
    ['2 3', '2'],
    ['007', '007'],
    ['The answer is 23', 'The'],
    ['= 23', '='],
    ['- 7', '-'],
    ['--7', '--7'],
    ['+7', '+7'],
    ['', ''],
    [' \n\t', ''],
    // Whitespace and digits are Python's.
    ['\u00a05', '5'],
    ['\x1c5', '5'],
    ['\ufeff5', '\ufeff5'],
    ['3\u0663', '3\u0663'],
  ])('%j -> %j', (text, answer) => {
    expect(extractAnswer(text)).toBe(answer);
  });
});

describe('rewards', () => {
  it('is 1 for the number and -1 for anything else', () => {
    expect(rewardOf(numberReward, ' 23, because', '23')).toBe(1);
    for (const wrong of ['24', '2', '230', '023', '-23', 'x23', '', '2 3'])
      expect(rewardOf(numberReward, wrong, '23')).toBe(-1);
    expect(rewardOf(numberReward, '-7', '-7')).toBe(1);
    expect(rewardOf(numberReward, '-0', '0')).toBe(-1);
  });

  it('reads words whatever their case and what follows', () => {
    for (const right of ['yes', 'Yes', ' YES.', 'yes, it is', 'yes\nno'])
      expect(rewardOf(wordReward, right, 'yes')).toBe(1);
    for (const wrong of ['no', 'yesterday', 'ye s', '**yes**', '', '1 yes'])
      expect(rewardOf(wordReward, wrong, 'yes')).toBe(-1);
  });
});

describe('stop: answer', () => {
  it.each(['', ' ', '\n', '-', ' -', '2', '25', ' -25', '25\ufffd'])(
    'a number may still come of %j',
    (text) => {
      expect(stopAtNumber(text, { prompt: '', answer: '25' })).toBe(false);
    },
  );
  it.each(['25 ', '25\n', '25.', '25-', '-25x', '--', '- ', '-a', 'T', 'The', '=', '+', '25\ufffdx'])(
    '%j is decided',
    (text) => {
      expect(stopAtNumber(text, { prompt: '', answer: '25' })).toBe(true);
    },
  );
  const yesNo = stopAtWord(['yes', 'no']);
  it.each(['', ' ', 'y', 'YE', ' yes', 'No'])('a word may still come of %j', (text) => {
    expect(yesNo(text, { prompt: '', answer: 'yes' })).toBe(false);
  });
  it.each(['yes ', 'yes.', 'No\n', 'yep', 'yess', 'x', '1', '-', 'not', 'n '])('%j is decided', (text) => {
    expect(yesNo(text, { prompt: '', answer: 'yes' })).toBe(true);
  });

  it('never looks at the right answer', () => {
    fc.assert(
      fc.property(spoken, (text) => {
        expect(stopAtNumber(text, { prompt: '', answer: '7' })).toBe(
          stopAtNumber(text, { prompt: '', answer: '-12' }),
        );
      }),
    );
  });

  it.each<[string, StopRule, RewardFunction, string[]]>([
    ['numbers', stopAtNumber, numberReward, ['25', '-7', '0', '2', '101']],
    ['words', yesNo, wordReward, ['yes', 'no']],
  ])('%s: nothing appended changes the reward', (_, stop, reward, answers) => {
    fc.assert(
      fc.property(spoken, spoken, fc.constantFrom(...answers), (text, more, answer) => {
        const problem: Problem = { prompt: '', answer };
        if (!stop(text, problem)) return;
        expect(rewardOf(reward, text + more, answer)).toBe(rewardOf(reward, text, answer));
        expect(stop(text + more, problem)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('stops at the first character after a number, whatever it is', () => {
    const other = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
      .filter((c) => !/^[\p{Nd}\ufffd]/u.test(c));
    fc.assert(
      fc.property(fc.integer(), other, (n, c) => {
        expect(stopAtNumber(`${n}`, { prompt: '', answer: '' })).toBe(false);
        expect(stopAtNumber(`${n}${c}`, { prompt: '', answer: '' })).toBe(true);
      }),
    );
  });

  it('is not late: where it goes on, some continuation still makes each answer right or wrong', () => {
    fc.assert(
      fc.property(
        spoken.filter((text) => !text.includes('\ufffd')),
        (text) => {
          if (stopAtNumber(text, { prompt: '', answer: '' })) return;
          // A number of the text's own beginning and one digit more: right with it, wrong without.
          const number = extractAnswer(`${text}1`);
          expect(rewardOf(numberReward, `${text}1`, number)).toBe(1);
          expect(rewardOf(numberReward, `${text}12`, number)).toBe(-1);
        },
      ),
    );
  });
});

/** Texts made of what matters here, and of anything. */
const pieces = [
  '-',
  '2',
  '25',
  '7',
  '0',
  ' ',
  '\n',
  '\u00a0',
  '.',
  'yes',
  'no',
  'Y',
  'e',
  's',
  'N',
  'o',
  'x',
  '\u0663',
  '\ufffd',
];
const spoken = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
