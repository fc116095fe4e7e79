/**
 * Reproducible random choices made in TypeScript: which problems are used, and in what order.
 * Tests pin the values, since a change here would change the data of every run.
 */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

const encoder = new TextEncoder();

/** 32-bit hash of a text's UTF-8 bytes: FNV-1a, then MurmurHash3's finaliser, since FNV's low bits are poorly mixed. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  const bytes = encoder.encode(text);
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A generator of uniform integers in [0, `bound`). The same key always gives the same stream. */
export function generator(key: string): (bound: number) => number {
  const random = xoroshiro128plus(hash32(key) | 0);
  return (bound) => uniformInt(random, 0, bound - 1);
}

/** A shuffled copy of `items` (Fisher-Yates); `key` is the seed. */
export function shuffled<T>(items: readonly T[], key: string): T[] {
  const result = [...items];
  const below = generator(key);
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
