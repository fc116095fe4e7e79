import { describe, expect, it } from 'vitest';
import { tokenDetails, tokenLengths } from '../../../src/grpo/token-details.js';
import type { Rollout } from '../../../src/grpo/rollout.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';
import { fixtureModel } from '../../support/fixtures.js';

const tokenizer = await Tokenizer.load(fixtureModel('qwen2-tied'));
const parts = (text: string, ids = tokenizer.encode(text)) => {
  const lengths = tokenLengths(ids, tokenizer.decode(ids), tokenizer)!;
  let at = 0;
  return lengths.map((length) => tokenizer.decode(ids).slice(at, (at += length)));
};

describe('the texts of tokens', () => {
  it('add up to the completion', () => {
    for (const text of ['25', ' 12 + 13', 'abc\n\n']) expect(parts(text).join('')).toBe(text);
    expect(parts('12')).toHaveLength(tokenizer.encode('12').length);
  });

  it('give a character of several tokens to the one that completes it', () => {
    // Byte-level: each of these is three or four bytes.
    const bytes = new TextEncoder().encode('漢🦜');
    const decoder = { decode: (ids: ArrayLike<number>) => new TextDecoder().decode(Uint8Array.from(ids)) };
    expect(tokenLengths(bytes, '漢🦜', decoder)).toEqual([0, 0, 1, 0, 0, 0, 2]);
    expect(tokenLengths(bytes.slice(0, 5), '漢\uFFFD', decoder)).toEqual([0, 0, 1, 0, 1]);
  });

  it('are left out where they do not add up', () => {
    expect(tokenLengths([1, 2], 'ab', { decode: () => 'x' })).toBeUndefined();
  });

  it('keep the spaces of a tokenizer that drops one at the beginning', () => {
    const words = ['Hello', 'world', '!'];
    const decode = (ids: ArrayLike<number>) =>
      Array.from(ids, (id) => (id === 2 ? '!' : ` ${words[id]!}`))
        .join('')
        .replace(/^ /, '');
    expect(tokenLengths([0, 1, 2], 'Hello world!', { decode })).toEqual([5, 6, 1]);
  });
});

describe('ids and log-probs of tokens', () => {
  it('are those of each completion, log-probs to two decimals', () => {
    const [a, b] = [tokenizer.encode('12'), tokenizer.encode('3')];
    const all = [...a, ...b];
    const rollout = {
      batch: { completions: [a, b] },
      completions: [
        { text: '12', length: a.length },
        { text: '3', length: b.length },
      ],
      oldLogps: Float32Array.from(all, (_, i) => -0.123456 * (i + 1)),
    } as unknown as Rollout;
    const details = tokenDetails(rollout, tokenizer);
    expect(details.map(({ ids }) => ids)).toEqual([[...a], [...b]]);
    expect(details.map(({ logps }) => logps.length)).toEqual([a.length, b.length]);
    expect(details[0]!.logps[0]).toBe(-0.12);
    expect(details[1]!.logps[0]).toBe(Number((-0.123456 * (a.length + 1)).toFixed(2)));
    expect(details[1]!.tokens!.reduce((sum, length) => sum + length, 0)).toBe(1);
  });
});
