/** `similarity`: how much of the answer the completion has, as Python's difflib measures it. */
import { z } from 'zod';
import { rewardKind } from '../types.js';
import { READING_OPTIONS, readingReward } from './reading.js';

/** Comparisons of characters that a pair of texts may take; longer ones are taken for unlike. */
const MOST = 25_000_000;

export const similarity = rewardKind({
  example: 'similarity, or {similarity: {tag: reversed_text}}',
  options: z.strictObject(READING_OPTIONS),
  argument: (column) => ({ column }),
  make: (options) =>
    readingReward(
      {
        read: (text) => text.trim(),
        compare: (given, answer) =>
          given.length * answer.length > MOST ? 0 : similarityRatio(given, answer.trim()),
      },
      options,
    ),
});

/**
 * What Python's `difflib.SequenceMatcher(None, a, b).ratio()` gives: twice the number of characters in matching
 * blocks (the longest first, then those on either side of it), divided by the number of characters of both texts.
 * Characters that make up more than 1% of a `b` of at least 200 only extend matches, as there.
 *
 * @returns from 0 to 1
 */
export function similarityRatio(a: string, b: string): number {
  const [first, second] = [Array.from(a), Array.from(b)];
  const total = first.length + second.length;
  return total === 0 ? 1 : (2 * matchingCharacters(first, second)) / total;
}

function matchingCharacters(a: readonly string[], b: readonly string[]): number {
  const positions = rarePositions(b);
  // Length of the match that ends at each character of b (index + 1) and at the last, and this, character of a.
  let before = new Int32Array(b.length + 1);
  let here = new Int32Array(b.length + 1);
  let matched = 0;
  const parts: [aFrom: number, aTo: number, bFrom: number, bTo: number][] = [[0, a.length, 0, b.length]];
  for (let part; (part = parts.pop());) {
    const [aFrom, aTo, bFrom, bTo] = part;
    let [aBest, bBest, size] = [aFrom, bFrom, 0];
    let written: readonly number[] = [];
    for (let i = aFrom; i < aTo; i++) {
      const own = positions.get(a[i]!) ?? [];
      for (const j of own) {
        if (j < bFrom) continue;
        if (j >= bTo) break;
        const length = before[j]! + 1;
        here[j + 1] = length;
        if (length > size) [aBest, bBest, size] = [i - length + 1, j - length + 1, length];
      }
      for (const j of written) before[j + 1] = 0;
      [before, here] = [here, before];
      written = own;
    }
    for (const j of written) before[j + 1] = 0;
    while (aBest > aFrom && bBest > bFrom && a[aBest - 1] === b[bBest - 1]) {
      aBest--;
      bBest--;
      size++;
    }
    while (aBest + size < aTo && bBest + size < bTo && a[aBest + size] === b[bBest + size]) size++;
    if (size === 0) continue;
    matched += size;
    if (aBest > aFrom && bBest > bFrom) parts.push([aFrom, aBest, bFrom, bBest]);
    if (aBest + size < aTo && bBest + size < bTo) parts.push([aBest + size, aTo, bBest + size, bTo]);
  }
  return matched;
}

/** Where each character of a text stands; those that are frequent in a long text are left out. */
function rarePositions(text: readonly string[]): Map<string, number[]> {
  const positions = new Map<string, number[]>();
  text.forEach((char, j) => {
    const known = positions.get(char);
    if (known) known.push(j);
    else positions.set(char, [j]);
  });
  const most = text.length >= 200 ? Math.floor(text.length / 100) + 1 : Infinity;
  for (const [char, { length }] of positions) if (length > most) positions.delete(char);
  return positions;
}
