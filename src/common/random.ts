/**
 * Repeatable choices that do not come from the engine: which problems, in what order.
 * Pinned by tests: a change here changes every run's data.
 */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** 32 bits of the UTF-8 bytes of `text`: FNV-1a, then MurmurHash3's finaliser, for FNV's low bits are poor. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Uniform integers from 0 up to, not including, `bound`: a stream for each key. */
export function generator(key: string): (bound: number) => number {
  const random = xoroshiro128plus(hash32(key) | 0);
  return (bound) => uniformInt(random, 0, bound - 1);
}

/** A new array with the items in an order that `key` decides (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], key: string): T[] {
  const result = [...items];
  const below = generator(key);
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
