import { describe, expect, it } from 'vitest';
import { GrpoError } from '../../../src/errors.js';
import { judge } from '../../../src/rewards/judge.js';
import type { Completion, RewardFunction } from '../../../src/tasks/task.js';

const completions: Completion[] = ['23', '24', 'The answer'].map((completion) => {
  const problem = { prompt: 'Calculate: 15 + 8 = ', answer: '23' };
  return { ...problem, completion, problem };
});

async function refused(reward: unknown): Promise<GrpoError> {
  const error: unknown = await judge(reward as RewardFunction, completions, {
    step: 7,
    name: 'my-task',
  }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(GrpoError);
  return error as GrpoError;
}

describe('judge', () => {
  it('passes on rewards, awaited, of any list of numbers', async () => {
    expect(await judge(() => [1, -1, 0], completions)).toEqual([1, -1, 0]);
    expect(await judge(async () => [1, 2, 3], completions)).toEqual([1, 2, 3]);
    const typed = (() => Float32Array.of(1, 2, 3)) as unknown as RewardFunction;
    expect(await judge(typed, completions)).toEqual([1, 2, 3]);
  });

  it('says who threw, when, and what', async () => {
    const cause = new TypeError('x is undefined');
    const thrown = await refused(() => {
      throw cause;
    });
    expect(thrown).toMatchObject({ code: 'REWARD_FAILED', exitCode: 1, cause });
    expect(thrown.message).toBe('the reward of my-task at step 7 threw: x is undefined');
    expect(await refused(() => Promise.reject(cause))).toMatchObject({ code: 'REWARD_FAILED' });
  });

  it('shows the completion that has no finite number', async () => {
    for (const bad of [NaN, Infinity, undefined, null, '1', {}]) {
      const error = await refused(() => [1, 0, bad]);
      expect(error).toMatchObject({ code: 'REWARD_NOT_FINITE', value: bad, exitCode: 1 });
      expect(error.message).toContain('"The answer" to "Calculate: 15 + 8 = "');
    }
    expect((await refused(() => [1, NaN, 0])).message).toContain('gave NaN to "24"');
  });

  it('counts', async () => {
    const few = await refused(() => [1]);
    expect(few).toMatchObject({ code: 'REWARD_COUNT', value: 1 });
    expect(few.message).toContain('1 values for 3 completions; the first without a reward is "24"');
    expect((await refused(() => [1, 2, 3, 4])).message).toContain('4 values for 3 completions');
    for (const list of [undefined, 1, 'abc', { length: 3 }])
      expect((await refused(() => list)).code).toBe('REWARD_COUNT');
  });

  it('lets coded errors and aborts through', async () => {
    const coded = new GrpoError('MINE', 'mine', { fix: 'mine' });
    const aborted = new DOMException('stop', 'AbortError');
    for (const error of [coded, aborted])
      await expect(judge(() => Promise.reject(error as Error), completions)).rejects.toBe(error);
  });
});
