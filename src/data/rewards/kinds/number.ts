/** `number`: a number in the completion, read as a person reads it, and compared exactly. */
import { z } from 'zod';
import { shown } from '../../../common/errors.js';
import { rewardKind } from '../types.js';
import { READING_OPTIONS, readingReward } from './reading.js';
import { boxed } from './section.js';

/** Which number counts. */
const READ = ['first', 'last', '####', 'boxed'] as const;

const SPELLINGS = [
  ...['1,234', '1234.0', '+1234', '01234', '1234.', '\u22121,234.50', '$1,234', '-$5', '1\u202f234', "1'234"],
  ...[
    '1.234.567',
    '1{,}234',
    '1,23',
    '1.5e3',
    '.5',
    '3/4',
    '50%',
    '3-5',
    'x = -5',
    '5 apples',
    '\uff15',
    'five',
  ],
];

export const number = rewardKind({
  example: 'number, number:last, number:#### or number:boxed',
  options: z.strictObject({ ...READING_OPTIONS, read: z.enum(READ).default('first') }),
  argument: (read) => ({ read }),
  make: ({ read, ...options }) => {
    const { find, decided, write } = READERS[read];
    return readingReward(
      {
        read: find,
        compare: (given, answer) => given === numberOfAnswer(answer, find),
        ...(decided && { decided }),
        write: (answer) => write(numberOfAnswer(answer, find) ?? answer),
        unfit: (answer) =>
          numberOfAnswer(answer, find) === undefined
            ? `its answer ${shown(answer)} has no number`
            : undefined,
        spellings: SPELLINGS.map(write),
      },
      options,
    );
  },
});

/** The number of a right answer: a marked one (GSM8K's answers end with `#### 72`), else as completions are read. */
function numberOfAnswer(answer: string, find: Reader['find']): string | undefined {
  return READERS['####'].find(answer) ?? READERS.boxed.find(answer) ?? find(answer) ?? FIRST.find(answer);
}

interface Reader {
  find: (text: string) => string | undefined;
  decided?: (text: string) => boolean;
  write: (number: string) => string;
}

/** Between thousands; in LaTeX too. Spaces that aren't narrow stand between numbers. */
const SEPARATOR = String.raw`(?:,|'|\u2019|\u00a0|\u2009|\u202f|\{,\}|\\,|,\\!)`;
/** 1,234,567.5; 1.234.567,5; 12.5; .5 */
const DIGITS = [
  String.raw`[1-9]\d{0,2}(?:${SEPARATOR}\d{3}){1,10}(?!\d|${SEPARATOR}\d)(?:\.\d+)?`,
  String.raw`[1-9]\d{0,2}(?:\.\d{3}){2,10}(?!\d|\.\d)(?:,\d+)?`,
  String.raw`\d+(?:\.\d+)?`,
  String.raw`\.\d+`,
].join('|');
/**
 * A minus after a digit, a letter or a bracket subtracts (`10-5`, `x-5`). Digits inside of a word or after a
 * second point (`x2`, `1.2.3`) begin no number. A fraction is one number.
 */
const NUMBER = [
  String.raw`(?:(?<![\w)\]}])(?<sign>[-+]))?(?:(?<!\w)\\?[$€£¥₹]\s?(?<sign2>[-+])?)?`,
  String.raw`(?<!\w)(?<!\d\.)(?<digits>${DIGITS})(?:[eE](?<exponent>[-+]?\d+))?(?:/(?<denominator>\d+(?:\.\d+)?))?`,
].join('');

/** All that a number that has begun may go on with. */
const GOES_ON = /^[\d.,'\u2019\u00a0\u2009\u202f{}\\!eE+/-]*$/;

/** @param before pattern of what stands before the number */
const reader = (before: string, write: Reader['write']): Required<Reader> => {
  const pattern = new RegExp(before + NUMBER, 'd');
  return {
    find: (text) => {
      const match = pattern.exec(plain(text));
      return match ? canonical(match.groups!) : undefined;
    },
    decided: (text) => {
      const form = plain(text);
      const match = pattern.exec(form);
      return match !== null && !GOES_ON.test(form.slice(match.indices!.groups!.digits![0]));
    },
    write,
  };
};

const FIRST = reader('', (number) => number);
const ALL = new RegExp(NUMBER, 'g');

const READERS: Record<(typeof READ)[number], Reader> = {
  first: FIRST,
  last: {
    find: (text) => {
      let last: RegExpMatchArray | undefined;
      for (const match of plain(text).matchAll(ALL)) last = match;
      return last && canonical(last.groups!);
    },
    write: (number) => number,
  },
  // Between the mark and the number no letters: `#### Step 1` is a heading.
  '####': reader(String.raw`####[^A-Za-z\d\n]{0,20}?`, (number) => `#### ${number}`),
  boxed: {
    find: (text) => {
      const section = boxed(text);
      return section && FIRST.find(section.content);
    },
    decided: (text) => boxed(text) !== undefined,
    write: (number) => String.raw`\boxed{${number}}`,
  },
};

/** Zeros of the scripts whose digits are read beside ASCII's: Arabic, Persian, Devanagari, full width. */
const ZEROS = ['\u0660', '\u06f0', '\u0966', '\uff10'].map((zero) => zero.charCodeAt(0));

/** The text with digits and signs of ASCII; each character stays where it is. */
const plain = (text: string): string =>
  text.replace(/[^\0-\xff]/g, (char) => {
    if ('\u2212\u2010\u2011\u2013\ufe63\uff0d'.includes(char)) return '-';
    if (char === '\uff0b') return '+';
    const code = char.charCodeAt(0);
    const zero = ZEROS.find((first) => code >= first && code < first + 10);
    return zero === undefined ? char : String(code - zero);
  });

/** The number as text, the same for all spellings of a number. */
function canonical(groups: Record<string, string | undefined>): string {
  const { sign, sign2, digits, exponent, denominator } = groups;
  const negative = (sign === '-') !== (sign2 === '-');
  const value = decimal(digits!, exponent);
  const whole = denominator === undefined ? value : `${value}/${decimal(denominator, undefined)}`;
  return negative && value !== '0' ? `-${whole}` : whole;
}

/** Exponents up to this are written out. */
const WRITTEN_OUT = 30;

/** @param spelled digits with separators, as `DIGITS` finds them */
function decimal(spelled: string, exponent: string | undefined): string {
  // With several points these are separators.
  const point = spelled.split('.').length > 2 ? spelled.indexOf(',') : spelled.lastIndexOf('.');
  const onlyDigits = (text: string) => text.replace(/\D+/g, '');
  const fraction = point < 0 ? '' : onlyDigits(spelled.slice(point));
  const all = onlyDigits(spelled);
  let from = 0;
  while (all[from] === '0') from++;
  let to = all.length;
  while (to > from && all[to - 1] === '0') to--;
  const significant = all.slice(from, to);
  if (significant === '') return '0';
  const power = Number(exponent ?? 0) - fraction.length + (all.length - to);
  if (!Number.isSafeInteger(power) || power > WRITTEN_OUT || power < -WRITTEN_OUT - significant.length)
    return `${significant}e${Number.isSafeInteger(power) ? power : exponent!}`;
  if (power >= 0) return significant + '0'.repeat(power);
  const whole = significant.slice(0, Math.max(0, significant.length + power)) || '0';
  return `${whole}.${significant.slice(Math.max(0, significant.length + power)).padStart(-power, '0')}`;
}
