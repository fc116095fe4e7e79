import { expect, it } from 'vitest';
import { judge } from '../../../../src/data/rewards/judge.js';
import type { Completion, RewardFunction } from '../../../../src/data/tasks/task.js';

const completion = (text: string): Completion => {
  const problem = { prompt: 'Calculate: 12 + 13 = ', answer: '25' };
  return { prompt: problem.prompt, completion: text, answer: problem.answer, problem };
};

it.each<[string, unknown, string, RegExp]>([
  [
    'throws',
    () => {
      throw new Error('no network');
    },
    'REWARD_FAILED',
    /no network/,
  ],
  ['rejects', () => Promise.reject(new Error('gone')), 'REWARD_FAILED', /gone; this one alone causes it/],
  [
    'returns too few',
    () => [1],
    'REWARD_COUNT',
    /1 values for 2 completions; none of the 2 completions causes it alone/,
  ],
  ['returns too many', () => [1, 2, 3], 'REWARD_COUNT', /3 values for 2/],
  ['returns one number', () => 1, 'REWARD_COUNT', /number, not a list/],
  ['returns nothing', () => undefined, 'REWARD_COUNT', /undefined, not a list/],
  ['returns NaN', () => [1, NaN], 'REWARD_NOT_FINITE', /NaN to "22"/],
  ['returns Infinity', () => [1, -Infinity], 'REWARD_NOT_FINITE', /-Infinity/],
  ['returns undefined', () => [1, undefined], 'REWARD_NOT_FINITE', /undefined to "22"/],
  ['returns a text', () => ['1', 1], 'REWARD_NOT_FINITE', /'1' to "25"/],
  ['returns a bigint', () => [1, 1n], 'REWARD_NOT_FINITE', /1n to "22"/],
])('refuses a reward that %s', async (_, reward, code, message) => {
  const judged = judge(reward as RewardFunction, [completion('25'), completion('22')], {
    name: 'mine',
    step: 3,
  });
  await expect(judged).rejects.toMatchObject({
    code,
    exitCode: 1,
    message: expect.stringMatching(message) as string,
  });
  await expect(judged).rejects.toThrow(/reward of mine at step 3/);
});
