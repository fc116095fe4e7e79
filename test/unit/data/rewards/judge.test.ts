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

  it('gives each call a list of its own, which cannot be sorted and so misassigned', async () => {
    const seen: Completion[][] = [];
    const trims: RewardFunction = (all) => {
      seen.push(all);
      return all.map((one) => (one.completion = one.completion.trim()).length);
    };
    expect(await judge(trims, completions)).toEqual([2, 2, 10]);
    expect(await judge(trims, completions)).toEqual([2, 2, 10]);
    expect(seen[0]![0]).not.toBe(completions[0]);
    expect(seen[1]![0]).not.toBe(seen[0]![0]);
    expect(completions[0]!.completion).toBe('23');
    for (const change of [
      (all: Completion[]) => all.sort((a, b) => b.completion.length - a.completion.length),
      (all: Completion[]) => all.reverse(),
      (all: Completion[]) => all.splice(0, 1),
      (all: Completion[]) => all.push(all[0]!),
    ])
      await expect(judge((all) => (change(all), all.map(() => 1)), completions)).rejects.toMatchObject({
        code: 'REWARD_FAILED',
        fix: expect.stringContaining('a copy') as string,
      });
  });

  it('waits no longer for a reward when the signal says so', async () => {
    const abort = new AbortController();
    const never = judge(() => new Promise(() => undefined), completions, { signal: abort.signal });
    abort.abort();
    await expect(never).rejects.toMatchObject({ code: 'ABORTED' });
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
