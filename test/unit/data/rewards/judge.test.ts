import { describe, expect, it } from 'vitest';
import { GrpoError } from '../../../../src/common/errors.js';
import { judge } from '../../../../src/data/rewards/judge.js';
import type { Completion, RewardFunction } from '../../../../src/data/tasks/task.js';

const completions: Completion[] = ['23', '24', 'The answer'].map((completion) => {
  const problem = { prompt: 'Calculate: 15 + 8 = ', answer: '23' };
  return { ...problem, completion, problem };
});

describe('judge', () => {
  it('passes on rewards, awaited, of any list of numbers', async () => {
    expect(await judge(() => [1, -1, 0], completions)).toEqual([1, -1, 0]);
    expect(await judge(async () => [1, 2, 3], completions)).toEqual([1, 2, 3]);
    const typed = (() => Float32Array.of(1, 2, 3)) as unknown as RewardFunction;
    expect(await judge(typed, completions)).toEqual([1, 2, 3]);
    expect(await judge(() => [], [])).toEqual([]);
  });

  it('keeps the cause, and names the completion', async () => {
    const cause = new TypeError('x is undefined');
    await expect(judge(() => Promise.reject(cause), completions)).rejects.toMatchObject({
      code: 'REWARD_FAILED',
      cause,
    });
    await expect(judge(() => [1, 0, NaN], completions)).rejects.toThrow(
      '"The answer" to "Calculate: 15 + 8 = "',
    );
    for (const list of ['abc', { length: 3 }])
      await expect(judge((() => list) as unknown as RewardFunction, completions)).rejects.toMatchObject({
        code: 'REWARD_COUNT',
      });
  });

  it('lets coded errors through, and what a signal brought about', async () => {
    const coded = new GrpoError('MINE', 'mine', { fix: 'mine' });
    await expect(judge(() => Promise.reject(coded), completions)).rejects.toBe(coded);
    const aborted = new DOMException('stop', 'AbortError');
    const failing = () => Promise.reject(aborted);
    await expect(judge(failing, completions, { signal: AbortSignal.abort() })).rejects.toBe(aborted);
    await expect(judge(failing, completions)).rejects.toMatchObject({ code: 'REWARD_FAILED' });
  });
});
