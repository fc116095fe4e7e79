import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judge } from '../../../../src/data/rewards/judge.js';
import { temporaryFolder } from '../../../support/fixtures.js';
import type { Completion, RewardFunction } from '../../../../src/data/tasks/task.js';

const completions = ['a', 'b', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', 'c'].map(
  (completion): Completion => {
    const problem = { prompt: 'Say: ', answer: 'a' };
    return { prompt: problem.prompt, completion, answer: problem.answer, problem };
  },
);
const third = /"a{37}!" to "Say: "/;
const isThird = ({ completion }: Completion) => completion.endsWith('!');
const never = new Promise<number>(() => undefined);

describe('a reward that fails names the completion that did it', () => {
  it.each<[string, string, RewardFunction]>([
    [
      'throws',
      'REWARD_FAILED',
      (all) =>
        all.map((one) => {
          if (isThird(one)) throw new Error('no');
          return 1;
        }),
    ],
    ['leaves one out', 'REWARD_COUNT', (all) => all.filter((one) => !isThird(one)).map(() => 1)],
    ['gives one twice', 'REWARD_COUNT', (all) => all.flatMap((one) => (isThird(one) ? [1, 1] : [1]))],
    ['gives no number', 'REWARD_NOT_FINITE', (all) => all.map((one) => (isThird(one) ? NaN : 1))],
    [
      'never answers',
      'REWARD_TIMEOUT',
      (all) => Promise.all(all.map((one) => (isThird(one) ? never : Promise.resolve(1)))),
    ],
    [
      'never gives the thread back',
      'REWARD_TIMEOUT',
      // A regular expression that tries all ways: 2 ** 37 of them.
      (all) => all.map(({ completion }) => (/^(a+)+$/.test(completion) ? 1 : 0)),
    ],
  ])('%s', { timeout: 20_000 }, async (_, code, reward) => {
    await expect(judge(reward, completions, { timeout: 0.4, step: 2 })).rejects.toMatchObject({
      code,
      exitCode: 1,
      message: expect.stringMatching(third) as string,
    });
  });

  it('ends the process where it blocks the thread after an await, with a word of why', async () => {
    const script = `
      import { judge } from ${JSON.stringify(join(import.meta.dirname, '../../../../src/data/rewards/judge.ts'))};
      const hang = async () => { await 0; for (;;); };
      await judge(hang, [{ prompt: 'p', completion: 'c', answer: 'a' }], { timeout: 0.1, step: 7 });`;
    const file = join(temporaryFolder(), 'hang.mts');
    writeFileSync(file, script);
    const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (data: Buffer) => (text += String(data)));
    const [, signal] = (await once(child, 'close')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    expect(text).toContain('REWARD_TIMEOUT: the reward function at step 7 took longer than');
  }, 30_000);

  it('lets one that is slow, but not too slow, be', async () => {
    const slow: RewardFunction = async (all) => {
      await new Promise((done) => setTimeout(done, 50));
      return all.map(() => 1);
    };
    expect(await judge(slow, completions, { timeout: 5 })).toEqual([1, 1, 1, 1]);
  });
});
