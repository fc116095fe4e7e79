/**
 * `regex`: what a pattern finds in the completion. RE2's syntax, whose search takes time linear in the text: a
 * pattern can't go on for ever.
 */
import { RE2JS, RE2JSSyntaxException } from 're2js';
import { z } from 'zod';
import { reasonOf, shown } from '../../../common/errors.js';
import { badReward, rewardKind } from '../types.js';
import { READING_OPTIONS, readingReward } from './reading.js';

export const regex = rewardKind({
  example: '{regex: {pattern: "Answer: (\\w+)"}}',
  options: z.strictObject({
    ...READING_OPTIONS,
    pattern: z.string().min(1),
    ignore_case: z.boolean().default(false),
  }),
  argument: (pattern) => ({ pattern }),
  make: ({ pattern, ignore_case: ignoreCase, ...options }) => {
    const compiled = compilePattern(pattern, 'regex', ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    const form = (text: string) => (ignoreCase ? text.trim().toLowerCase() : text.trim());
    return readingReward(
      {
        read: (text) => {
          const matcher = compiled.matcher(text);
          if (!matcher.find()) return undefined;
          return (matcher.groupCount() > 0 ? matcher.group(1) : null) ?? matcher.group() ?? '';
        },
        compare: (given, answer) => form(given) === form(answer),
        write: () => null,
      },
      options,
    );
  },
});

/**
 * Compiles a pattern in RE2's syntax.
 * @param what has it, for messages
 * @throws {GrpoError} BAD_REWARD
 */
export function compilePattern(pattern: string, what: string, flags = 0): RE2JS {
  try {
    // JavaScript's way to write a character by its number.
    return RE2JS.compile(RE2JS.translateRegExp(pattern), flags);
  } catch (cause) {
    const looksAround = /\(\?(?:=|!|<=|<!)|\\[1-9]/.test(pattern);
    throw badReward(
      `${what}: the pattern ${shown(pattern)} ${
        cause instanceof RE2JSSyntaxException
          ? `is none: ${reasonOf(cause)}`
          : `can't be used: ${reasonOf(cause)}`
      }`,
      looksAround
        ? "write it without looking ahead or back and without back-references: patterns are RE2's, which take no longer than the text is long"
        : "correct it; its syntax is RE2's (https://github.com/google/re2/wiki/Syntax)",
      pattern,
      cause,
    );
  }
}
