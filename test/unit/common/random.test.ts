import { describe, expect, it } from 'vitest';
import { generator, hash32, shuffled } from '../../../src/common/random.js';

describe('repeatable choices', () => {
  it('are the same in every version', () => {
    expect([hash32(''), hash32('Calculate: 15 + 8 = ')]).toEqual([2872998923, 1191897515]);
    expect(shuffled([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'a')).toEqual([1, 6, 8, 9, 0, 7, 3, 4, 5, 2]);
  });

  it('are uniform', () => {
    const below = generator('uniform');
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[below(10)]!++;
    // Chi-square with 9 degrees of freedom: 27.9 at 0.001.
    expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(27.9);
  });

  it('differ between keys, and leave what is shuffled alone', () => {
    const items = Array.from({ length: 20 }, (_, i) => i);
    expect(shuffled(items, '1')).not.toEqual(shuffled(items, '2'));
    expect(shuffled(items, '1').sort((a, b) => a - b)).toEqual(items);
    expect(items[0]).toBe(0);
    expect(shuffled([], '1')).toEqual([]);
  });
});
