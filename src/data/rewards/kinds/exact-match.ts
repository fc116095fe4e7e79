/** `exact_match` and `contains`: the completion is the answer, or has it somewhere. */
import { z } from 'zod';
import { rewardKind } from '../types.js';
import { READING_OPTIONS, readingReward } from './reading.js';

const OPTIONS = z.strictObject({ ...READING_OPTIONS, ignore_case: z.boolean().default(false) });

const cased = (ignore: boolean) => (text: string) => (ignore ? text.toLowerCase() : text);

export const exactMatch = rewardKind({
  example: 'exact_match, or {exact_match: {ignore_case: true, tag: answer}}',
  options: OPTIONS,
  argument: (column) => ({ column }),
  make: (options) => {
    const form = cased(options.ignore_case);
    return readingReward(
      { read: (text) => text.trim(), compare: (given, answer) => form(given) === form(answer.trim()) },
      options,
    );
  },
});

export const contains = rewardKind({
  example: 'contains, or {contains: {ignore_case: true}}',
  options: OPTIONS,
  argument: (column) => ({ column }),
  make: (options) => {
    const form = cased(options.ignore_case);
    return readingReward(
      {
        read: (text) => text.trim(),
        compare: (given, answer) => form(given).includes(form(answer.trim())),
        unfit: (answer) => (answer.trim() === '' ? 'its answer is empty: every text contains it' : undefined),
      },
      options,
    );
  },
});
