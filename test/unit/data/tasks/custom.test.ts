import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judge } from '../../../../src/data/rewards/judge.js';
import { loadReward } from '../../../../src/data/rewards/load.js';
import { loadTask } from '../../../../src/data/tasks/index.js';
import type { TaskOptions } from '../../../../src/data/tasks/index.js';
import { codeOf, temporaryFolder } from '../../../support/fixtures.js';

const TASK = `{ name: 'mine', problems: () => [{ prompt: 'a', answer: 'b' }], reward: (all) => all.map(() => 1) }`;

/** A folder with one module; gives its path from there. */
function moduleOf(name: string, source: string): [string, string] {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), source);
  return [`./${name}`, folder];
}
const task = (name: string, source: string, options: TaskOptions = {}) => {
  const [path, folder] = moduleOf(name, source);
  return loadTask(path, options, folder);
};
const reward = (name: string, source: string) => loadReward(...moduleOf(name, source));

describe("a user's module", () => {
  it.each([
    ['task.mjs', `export default ${TASK};`],
    ['task.cjs', `module.exports = ${TASK};`],
    [
      'transpiled.cjs',
      `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = ${TASK};`,
    ],
    [
      'task.ts',
      `interface P { prompt: string; answer: string }\nconst all: P[] = [];\nexport default ${TASK};`,
    ],
    ['made.mjs', `export default async () => (${TASK});`],
    ['made.ts', `export default (options: { maxOperand?: number }) => (${TASK});`],
  ])('gives a task from %s', async (name, source) => {
    const loaded = await task(name, source);
    expect(loaded.name).toBe('mine');
    expect(await loaded.problems()).toEqual([{ prompt: 'a', answer: 'b' }]);
  });

  it.each<[string, string, RegExp]>([
    ['problems', "problems() { throw new Error('gone'); }", /problems threw: gone/],
    ['problems', "async problems() { throw new Error('gone'); }", /problems threw: gone/],
    ['stop', 'stop: (text) => text.no.such', /stop threw: Cannot read/],
    ['stop', 'stop: async () => false', /stop returned a promise/],
    ['isCorrect', "isCorrect() { throw 'no'; }", /isCorrect threw: no/],
    ['extract', 'extract: (text) => text.match(/x/)[0]', /extract threw: Cannot read/],
  ])('that fails in %s is named: %s', async (name, source, message) => {
    const loaded = await task('task.mjs', `export default { ...${TASK}, ${source} };`);
    const call = async () => (loaded[name as 'stop'] as (...args: unknown[]) => unknown)('', {});
    await expect(call()).rejects.toMatchObject({
      code: 'TASK_FAILED',
      message: expect.stringMatching(message) as string,
    });
  });

  it('may be an object with methods that need it', async () => {
    const loaded = await task(
      'task.mjs',
      `class Mine {
        name = 'mine'; #answer = 'b';
        problems() { return [{ prompt: 'a', answer: this.#answer }]; }
        reward(all) { return all.map(({ completion }) => (completion === this.#answer ? 1 : 0)); }
      }
      export default new Mine();`,
    );
    expect(await loaded.problems()).toEqual([{ prompt: 'a', answer: 'b' }]);
    expect(
      loaded.reward([{ prompt: 'a', completion: 'b', answer: 'b', problem: { prompt: 'a', answer: 'b' } }]),
    ).toEqual([1]);
  });

  it('is told the task options', async () => {
    const source = `export default ({ maxOperand }) => ({ ...${TASK}, name: 'up to ' + maxOperand });`;
    expect((await task('task.mjs', source, { maxOperand: 7 })).name).toBe('up to 7');
  });

  it('may be part of a mixture', async () => {
    const [path, folder] = moduleOf('task.mjs', `export default ${TASK};`);
    const mixture = await loadTask('mixed', { taskWeights: { [path]: 1, arithmetic: 1 } }, folder);
    expect(mixture.weights).toEqual({ mine: 1, arithmetic: 1 });
  });

  it('gives a reward, asynchronous too', async () => {
    const loaded = await reward(
      'reward.ts',
      'export default async (all: unknown[]): Promise<number[]> => all.map(() => 0.5);',
    );
    const problem = { prompt: 'a', answer: 'b' };
    expect(await judge(loaded, [{ ...problem, completion: 'c', problem }])).toEqual([0.5]);
  });

  it('is refused with what is wrong', async () => {
    expect(await codeOf(loadTask('./nowhere.ts'))).toBe('MODULE_NOT_FOUND');
    expect(await codeOf(loadReward('./nowhere.js'))).toBe('MODULE_NOT_FOUND');
    expect(await codeOf(loadReward('reward'))).toBe('MODULE_NOT_FOUND');
    expect(await codeOf(task('task.mjs', 'export default {'))).toBe('MODULE_FAILED');
    expect(await codeOf(task('task.ts', 'throw new Error("at once")'))).toBe('MODULE_FAILED');
    expect(await codeOf(task('task.mjs', 'export default () => { throw new Error("made") }'))).toBe(
      'MODULE_FAILED',
    );
    expect(await codeOf(task('task.mjs', 'export const task = 1'))).toBe('MODULE_FAILED');
    expect(await codeOf(reward('reward.mjs', 'export default 3'))).toBe('BAD_REWARD');
  });

  it('is told what its task lacks', async () => {
    await expect(task('task.mjs', `export default { name: 'mine', problems: [] };`)).rejects.toMatchObject({
      code: 'BAD_TASK',
      message: './task.mjs: the task has no problems (function), no reward (function)',
    });
    expect(await codeOf(task('task.mjs', `export default { ...${TASK}, stop: true };`))).toBe('BAD_TASK');
    expect(await codeOf(task('task.mjs', 'export default 3'))).toBe('BAD_TASK');
  });
});
