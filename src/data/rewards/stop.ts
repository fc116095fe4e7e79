/**
 * The stop rules of `stop: answer`: a completion ends when no further token could change its reward.
 *
 * The rules look at the answer that was given, not at the right one: `7` goes on where 25 was
 * asked for, since `72` is a different mistake. So a completion's length tells nothing about
 * whether it is right, and the same text ends at the same place under any reward that reads the
 * extracted answer (partial credit among them).
 */
import type { StopRule } from '../tasks/task.js';
import { stripStart } from './extract.js';

/** A text that may still become a number, or a longer one: empty, `-`, digits. */
const NUMBER_SO_FAR = /^-?\p{Nd}*$/u;
const LETTERS_SO_FAR = /^\p{L}*$/u;

/**
 * For `numberReward`: the first token after the number ends it (`25\n`), and so does whatever
 * cannot become a number (`The`, `--`, `- 5`).
 */
export const stopAtNumber: StopRule = (text) => !NUMBER_SO_FAR.test(begun(text));

/** For `wordReward`: ends when the word is complete, or can't become one of `words` any more. */
export function stopAtWord(words: readonly string[]): StopRule {
  return (text) => {
    const begin = begun(text);
    if (!LETTERS_SO_FAR.test(begin)) return true;
    const lower = begin.toLowerCase();
    return !words.some((word) => word.startsWith(lower));
  };
}

/**
 * The text without leading whitespace and without a last character that is not complete yet:
 * a token may end inside a UTF-8 sequence, which decodes to U+FFFD until the rest arrives.
 */
function begun(text: string): string {
  return stripStart(text.replace(/\uFFFD+$/, ''));
}
