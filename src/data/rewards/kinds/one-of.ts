/** `one_of`: the first of some labels that the completion names. */
import { z } from 'zod';
import { shown } from '../../../common/errors.js';
import { badReward, rewardKind } from '../types.js';
import { READING_OPTIONS, readingReward } from './reading.js';

/** Different answers of a dataset that are still labels, rather than texts. */
const MOST_LABELS = 1000;

export const oneOf = rewardKind({
  example: 'one_of:yes,no, or one_of (labels: all answers of the data)',
  options: z.strictObject({
    ...READING_OPTIONS,
    labels: z
      .array(z.union([z.string(), z.number(), z.boolean()]))
      .min(2)
      .optional(),
  }),
  argument: (labels) => ({ labels: Array.isArray(labels) ? labels : labels.split(',') }),
  make: async ({ labels: given, ...options }, { problems }) => {
    const labels = given?.map(String) ?? (await problems()).map(({ answer }) => answer);
    const { named, decided } = labelReader(labels);
    const known = new Set(labels.map(folded));
    if (known.size > MOST_LABELS)
      throw badReward(
        `one_of: the data has ${known.size} different answers, which is too many for labels`,
        'give the labels (one_of:yes,no), or take exact_match or similarity',
        known.size,
      );
    return readingReward(
      {
        read: named,
        compare: (label, answer) => label === folded(answer),
        decided,
        unfit: (answer) =>
          known.has(folded(answer)) ? undefined : `its answer ${shown(answer)} is none of the labels`,
      },
      options,
    );
  },
});

/** Scripts that are written without spaces: a label there may stand within other letters. */
const UNSPACED = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}`;
const LETTER = String.raw`(?:(?![${UNSPACED}])[\p{L}\p{M}\p{N}_])`;

/** Finds labels in texts: of those that begin first, the longest; as whole words. */
function labelReader(labels: readonly string[]) {
  const forms = [...new Set(labels.map(folded))].filter(Boolean).sort((a, b) => b.length - a.length);
  const longest = forms[0]?.length ?? 0;
  const edge = (char: string, look: string) =>
    new RegExp(LETTER, 'u').test(char) ? `(?${look}${LETTER})` : '';
  const pattern = new RegExp(
    forms
      .map((form) => {
        const chars = [...form];
        return `${edge(chars[0]!, '<!')}${form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}${edge(chars.at(-1)!, '!')}`;
      })
      .join('|') || '(?!)',
    'u',
  );
  return {
    named: (text: string) => pattern.exec(foldedSpaces(text))?.[0],
    decided: (text: string) => {
      const form = foldedSpaces(text);
      const match = pattern.exec(form);
      // What follows a label may make it a part of a word, or of a longer label that begins there or before.
      if (!match || match.index + match[0].length === form.length) return false;
      for (let i = Math.max(0, form.length - longest); i <= match.index; i++) {
        const rest = form.slice(i);
        if (forms.some((label) => label.length > rest.length && label.startsWith(rest))) return false;
      }
      return true;
    },
  };
}

/** A label as it is compared: case, spaces around it and punctuation after it are ignored. */
const folded = (text: string): string => foldedSpaces(text.trim()).replace(/(?<=.)[.,;:!?]$/su, '');

/** The text in one case, character by character, with single spaces. */
const foldedSpaces = (text: string): string =>
  text
    .replace(/[^\0-\x7f]/gu, (char) => char.toUpperCase().toLowerCase())
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    .replace(/\s+/gu, ' ');
