/** The random number behind a draw: Philox, and a function of its five arguments alone. */
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/engine/addon.js';
import { philox, uniformOf } from '../support/philox.js';

type Draw = [seed: number, step: number, prompt: number, completion: number, position: number];

const addon = loadAddon();
const uniform = (...draw: Draw) => addon.uniform(...draw);
const ONES = 0xffffffffn;
/** The largest word that a counter can hold. */
const MAX = 0xffffffff;

const expected = ([seed, ...counter]: Draw) => {
  const key = BigInt.asUintN(64, BigInt(seed));
  const [step, prompt, completion, position] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  return uniformOf(philox([step, prompt, completion, position], [key & ONES, key >> 32n]));
};

describe('uniform', () => {
  // Random123's known answers (kat_vectors, philox4x32-10).
  it('rests on an independent Philox that gives the published answers', () => {
    expect(philox([0n, 0n, 0n, 0n], [0n, 0n])).toEqual([0x6627e8d5n, 0xe169c58dn, 0xbc57ac4cn, 0x9b00dbd8n]);
    expect(philox([ONES, ONES, ONES, ONES], [ONES, ONES])).toEqual([
      0x408f276dn,
      0x41c83b0en,
      0xa20bc7c6n,
      0x6d5451fdn,
    ]);
  });

  it('gives the published answers', () => {
    const bits = (high: bigint, low: bigint) => uniformOf([high, low, 0n, 0n]);
    expect(uniform(0, 0, 0, 0, 0)).toBe(bits(0x6627e8d5n, 0xe169c58dn));
    // -1 is a seed of all ones in two's complement.
    expect(uniform(-1, MAX, MAX, MAX, MAX)).toBe(bits(0x408f276dn, 0x41c83b0en));
  });

  it.each<Draw>([
    [42, 0, 0, 0, 0],
    [42, 1, 2, 3, 4],
    [2 ** 32, 1, 2, 3, 4],
    [2 ** 53 - 1, MAX, 7, 63, 255],
    [7, 100_000, 999_999, 15, 2047],
  ])('of %j is the bits of Philox, exactly', (...draw) => {
    expect(uniform(...draw)).toBe(expected(draw));
  });

  it('depends on each of its arguments, and on which of them a value is', () => {
    const base: Draw = [11, 22, 33, 44, 55];
    const draws = [base, ...base.map((_, i) => base.with(i, 99) as Draw), [22, 11, 33, 44, 55] as Draw];
    draws.push([11, 22, 33, 55, 44], [11, 22, 44, 33, 55], [11 + 2 ** 32, 22, 33, 44, 55]);
    expect(new Set(draws.map((draw) => uniform(...draw))).size).toBe(draws.length);
    for (const draw of draws) expect(uniform(...draw)).toBe(uniform(...draw));
  });

  it('is uniform along every argument', () => {
    for (let argument = 0; argument < 5; argument++) {
      const values = Array.from({ length: 4000 }, (_, i) =>
        uniform(...([1, 2, 3, 4, 5].with(argument, i) as Draw)),
      );
      expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...values)).toBeLessThan(1);
      // Kolmogorov and Smirnov: 2.3 / sqrt(n) is passed by one true sample in 20,000.
      values.sort((a, b) => a - b);
      const gap = Math.max(...values.map((value, i) => Math.abs(value - (i + 0.5) / values.length)));
      expect(gap).toBeLessThan(2.3 / Math.sqrt(values.length));
    }
  });
});
