import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  loadDataset,
  loadProblems,
  loadSplit,
  loadTask,
  splitOf,
  splitProblems,
  TASK_NAMES,
} from '../../../../src/data/tasks/index.js';
import type { Completion, Problem, Task } from '../../../../src/data/tasks/task.js';
import { codeOf } from '../../../support/fixtures.js';

const problemsOf = async (task: Task) => (await loadProblems(task)).problems;
const answers = (problem: Problem, completion: string): Completion => ({
  prompt: problem.prompt,
  answer: problem.answer,
  completion,
  problem,
});

/** What a right answer is, told anew. */
const RULES = {
  '+': (a: number, b: number) => String(a + b),
  '-': (a: number, b: number) => String(a - b),
  '*': (a: number, b: number) => String(a * b),
  greater: (a: number, b: number) => (a > b ? 'yes' : 'no'),
  less: (a: number, b: number) => (a < b ? 'yes' : 'no'),
};

describe('built-in tasks', () => {
  it.each([
    ['arithmetic', 1323, 1068, { prompt: 'Calculate: 12 - 19 = ', answer: '-7' }],
    ['counting', 600, 477, undefined],
    ['comparison', 840, 675, { prompt: 'Is 7 greater than 12? Answer yes or no: ', answer: 'no' }],
    ['binary', 512, 417, { prompt: 'Decimal of 1101: ', answer: '13' }],
    ['mixed', 2763, 2220, { prompt: 'Calculate: 4 * 9 = ', answer: '36', task: 'arithmetic' }],
  ])('%s has %d unique problems, %d to train on', async (name, total, trained, example) => {
    const task = await loadTask(name);
    const { problems, notices } = await loadProblems(task);
    expect(notices).toEqual([]);
    expect(problems).toHaveLength(total);
    expect(splitProblems(problems, 'train')).toHaveLength(trained);
    expect(splitProblems(problems, 'held_out')).toHaveLength(total - trained);
    expect(await task.problems()).toEqual(await (await loadTask(name)).problems());
    if (example) expect(problems).toContainEqual(example);
  });

  it.each(TASK_NAMES)('%s rewards its own answers and none of its rules end them early', async (name) => {
    const task = await loadTask(name);
    const problems = await problemsOf(task);
    const right = await task.reward(problems.map((problem) => answers(problem, `${problem.answer}\n`)));
    expect(new Set(right)).toEqual(new Set([1]));
    const wrong = await task.reward(problems.map((problem) => answers(problem, 'I do not know')));
    expect(new Set(wrong)).toEqual(new Set([-1]));
    for (const problem of problems) {
      for (let end = 0; end <= problem.answer.length; end++)
        if (task.stop!(problem.answer.slice(0, end), problem))
          throw new Error(`${problem.prompt} stops at ${end}`);
      if (!task.stop!(`${problem.answer}\n`, problem)) throw new Error(`${problem.prompt} goes on`);
    }
  });

  // Pinned: runs of earlier versions are resumed, and presets repeated, with the same problems in the same order.
  it.each([
    ['arithmetic', {}, 1323, '67df1f12775d3169'],
    ['arithmetic', { maxOperand: 5, operations: '*-' }, 72, 'c6b56473ad6a0499'],
    ['arithmetic', { maxOperand: 100 }, 30603, '5fd24c197b647e5e'],
    ['comparison', {}, 840, 'ee59615856c3e239'],
    ['comparison', { maxOperand: 1 }, 4, 'bc3a4d0403f94e10'],
    ['comparison', { maxOperand: 150 }, 45300, '0280c1288e9428eb'],
    ['binary', {}, 512, 'e0334c2d85b40397'],
    ['binary', { maxOperand: 9999 }, 20000, '1555bba8cdb7203b'],
    ['counting', {}, 600, '0b7e14dce0992499'],
    ['counting', { maxOperand: 200 }, 6000, '99aa94dd861fe494'],
    ['mixed', {}, 2763, '42bde56e9d9a2eeb'],
    ['mixed', { maxOperand: 100 }, 53803, 'f46af90898202078'],
  ])('%s %o has the problems that it always had', async (name, options, count, hash) => {
    const task = await loadTask(name, options);
    const problems = await task.problems();
    expect(problems).toHaveLength(count);
    expect(createHash('sha256').update(JSON.stringify(problems)).digest('hex').slice(0, 16)).toBe(hash);
    expect(task.notices ?? []).toEqual([]);
  });

  // Listing them would take gigabytes.
  it.each([
    ['arithmetic', {}, ['300,000,000']],
    ['mixed', { taskWeights: { arithmetic: 1, comparison: 1 } }, ['300,000,000', '199,980,000']],
  ])(
    '%s %o is drawn where it has millions of problems',
    async (name, options, sizes) => {
      const task = await loadTask(name, { ...options, maxOperand: 9999 });
      const { problems, notices } = await loadProblems(task);
      expect(problems).toHaveLength(sizes.length * 100_000);
      expect(notices).toHaveLength(sizes.length);
      sizes.forEach((size, i) => expect(notices[i]).toContain(size));
      // As one text: comparing so many objects takes seconds.
      expect(JSON.stringify(await task.problems()) === JSON.stringify(problems)).toBe(true);
      const held = splitProblems(problems, 'held_out');
      expect(held.length / problems.length).toBeCloseTo(0.2, 1);
      for (const { prompt, answer } of problems) {
        const [a, op, b] = prompt.match(/\d+|[-+*]|greater|less/g) as [string, keyof typeof RULES, string];
        if (answer !== RULES[op](Number(a), Number(b))) throw new Error(`${prompt}${answer}`);
      }
      expect(held.some(({ prompt }) => /\d{4}/.test(prompt))).toBe(true);
      const { train, heldOut } = await loadDataset(task, { trainSamples: 300, evalSamples: 50 });
      expect([train.length, heldOut.length]).toEqual([300, 50]);
      expect(await loadSplit(task, 'held_out', 50)).toEqual(heldOut);
    },
    60_000,
  );

  it('keeps smaller tasks inside larger ones', async () => {
    for (const name of ['arithmetic', 'counting', 'comparison', 'binary']) {
      const all = new Set((await problemsOf(await loadTask(name))).map(({ prompt }) => prompt));
      const small = await problemsOf(await loadTask(name, { maxOperand: 10 }));
      expect(small.length).toBeLessThan(all.size);
      for (const { prompt } of small) expect(all).toContain(prompt);
    }
  });

  it('counts right, and asks yes as often as no', async () => {
    for (const { prompt, answer } of await problemsOf(await loadTask('counting')))
      expect(prompt.split(' ').slice(3, -2)).toHaveLength(Number(answer));
    const comparison = await problemsOf(await loadTask('comparison'));
    expect(comparison.filter(({ answer }) => answer === 'yes')).toHaveLength(comparison.length / 2);
  });

  it('takes the operations that were asked for', async () => {
    const sums = await problemsOf(await loadTask('arithmetic', { operations: '+', maxOperand: 10 }));
    expect(sums).toHaveLength(121);
    expect(sums.every(({ prompt }) => prompt.includes(' + '))).toBe(true);
  });

  it('names the task that was meant', async () => {
    await expect(loadTask('arithmetics')).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
      value: 'arithmetics',
      message: expect.stringContaining('did you mean arithmetic?') as string,
    });
    expect(await codeOf(loadTask('constructor'))).toBe('TASK_NOT_FOUND');
  });
});

describe('the split', () => {
  // Pinned: were one of these to move, a run would be judged by what an earlier one was trained on.
  it.each([
    ['Calculate: 15 + 8 = ', 'held_out'],
    ['Calculate: 12 - 7 = ', 'train'],
    ['Calculate: 17 * 17 = ', 'held_out'],
    ['Calculate: 6 - 4 = ', 'held_out'],
    ['Decimal of 100: ', 'held_out'],
    ['Is 4 greater than 6? Answer yes or no: ', 'held_out'],
    ['Grüße, 世界', 'held_out'],
  ])('%s belongs to %s', (prompt, split) => {
    expect(splitOf(prompt)).toBe(split);
  });

  it.each([
    ['Calculate: 0 + 2 = ', 'validation'],
    ['Calculate: 1 + 19 = ', 'validation'],
    ['Calculate: 12 - 7 = ', 'train'],
    ['Calculate: 15 + 8 = ', 'held_out'],
  ])('%s belongs to %s where there are validation problems', (prompt, split) => {
    expect(splitOf(prompt, { validation: true })).toBe(split);
    expect(splitOf(prompt)).toBe(split === 'validation' ? 'train' : split);
  });

  it('gives a tenth to validation, and nothing of what is held out', async () => {
    const prompts = (await problemsOf(await loadTask('arithmetic'))).map(({ prompt }) => prompt);
    const count = (split: string, validation: boolean) =>
      prompts.filter((prompt) => splitOf(prompt, { validation }) === split).length;
    // Pinned, as the split itself.
    expect(['train', 'validation', 'held_out'].map((split) => count(split, true))).toEqual([946, 122, 255]);
    expect(['train', 'validation', 'held_out'].map((split) => count(split, false))).toEqual([1068, 0, 255]);
  });
});

describe('a mixture', () => {
  it('keeps the rules of each problem', async () => {
    const task = await loadTask('mixed', { taskWeights: { arithmetic: 3, comparison: 1 } });
    expect(task.weights).toEqual({ arithmetic: 3, comparison: 1 });
    const problems = await problemsOf(task);
    const sum = problems.find(({ prompt }) => prompt === 'Calculate: 15 + 8 = ')!;
    const yes = problems.find(({ answer }) => answer === 'yes')!;
    expect(
      await task.reward([answers(yes, 'Yes.'), answers(sum, '23'), answers(yes, '23'), answers(sum, 'yes')]),
    ).toEqual([1, 1, -1, -1]);
    expect(task.stop!('y', sum)).toBe(true);
    expect(task.stop!('y', yes)).toBe(false);
  });

  it('leaves out what weighs nothing, and refuses what makes no mixture', async () => {
    expect((await loadTask('mixed', { taskWeights: { arithmetic: 1, binary: 0 } })).weights).toEqual({
      arithmetic: 1,
    });
    for (const taskWeights of [{}, { arithmetic: 0 }, { arithmetic: -1 }, { arithmetic: NaN }, { mixed: 1 }])
      expect(await codeOf(loadTask('mixed', { taskWeights }))).toBe('BAD_OPTION');
    expect(await codeOf(loadTask('mixed', { taskWeights: { arithmetik: 1 } }))).toBe('TASK_NOT_FOUND');
  });

  it('refuses a problem of another task', async () => {
    const task = await loadTask('mixed');
    expect(await codeOf(Promise.resolve(task.reward([answers({ prompt: 'a', answer: 'b' }, 'c')])))).toBe(
      'BAD_TASK',
    );
  });
});
