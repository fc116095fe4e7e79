import { describe, expect, it } from 'vitest';
import { loadDataset, loadSplit, loadTask, splitOf } from '../../../../src/data/tasks/index.js';
import type { Problem, Task } from '../../../../src/data/tasks/task.js';
import { codeOf } from '../../../support/fixtures.js';

const taskOf = (problems: unknown): Task => ({
  name: 'mine',
  problems: () => problems as Problem[],
  reward: (completions) => completions.map(() => 0),
});
const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ prompt: `problem ${i}`, answer: `${i}` }));
const prompts = (problems: Problem[]) => problems.map(({ prompt }) => prompt);

describe('loadDataset', () => {
  it('never trains on what it is judged by, whatever the seed', async () => {
    const task = await loadTask('arithmetic');
    for (const seed of [0, 1, 42]) {
      const { train, heldOut } = await loadDataset(task, { seed });
      expect(train.every(({ prompt }) => splitOf(prompt) === 'train')).toBe(true);
      expect(heldOut.every(({ prompt }) => splitOf(prompt) === 'held_out')).toBe(true);
      expect(train.length + heldOut.length).toBe(1323);
    }
  });

  it('lets the seed choose what is trained on, and nothing what is asked', async () => {
    const task = await loadTask('arithmetic');
    const chosen = (seed: number) => loadDataset(task, { seed, trainSamples: 100, evalSamples: 50 });
    const [a, b, again] = [await chosen(1), await chosen(2), await chosen(1)];
    expect(a.train).toHaveLength(100);
    expect(a).toEqual(again);
    expect(prompts(a.train)).not.toEqual(prompts(b.train));
    expect(a.heldOut).toHaveLength(50);
    expect(a.heldOut).toEqual(b.heldOut);
    expect(await loadSplit(task, 'held_out', 50)).toEqual(a.heldOut);
    // Pinned: the same seed trains on the same problems in every version.
    expect(prompts((await loadDataset(task, { seed: 42, trainSamples: 3 })).train)).toEqual([
      'Calculate: 2 + 17 = ',
      'Calculate: 15 - 14 = ',
      'Calculate: 15 + 11 = ',
    ]);
  });

  it("gives a mixture's tasks their shares", async () => {
    const task = await loadTask('mixed');
    const count = (problems: Problem[], name: string) =>
      problems.filter((problem) => problem.task === name).length;
    const { train, heldOut, notices } = await loadDataset(task, { trainSamples: 150, evalSamples: 40 });
    expect(['arithmetic', 'counting', 'comparison'].map((name) => count(train, name))).toEqual([75, 38, 37]);
    expect(['arithmetic', 'counting', 'comparison'].map((name) => count(heldOut, name))).toEqual([
      20, 10, 10,
    ]);
    expect(notices).toEqual([]);
    // All of it: as many as the scarcest task allows.
    const all = (await loadDataset(task)).train;
    expect(['arithmetic', 'counting', 'comparison'].map((name) => count(all, name))).toEqual([954, 477, 477]);
  });

  it('says where a share of a mixture cannot be had', async () => {
    const task = await loadTask('mixed', { taskWeights: { binary: 1, arithmetic: 1 } });
    const { train, notices } = await loadDataset(task, { trainSamples: 1000 });
    expect(train).toHaveLength(917);
    expect(notices[0]).toContain('binary has 417 problems');
  });

  it('leaves out repeated prompts and says so', async () => {
    const { train, heldOut, notices } = await loadDataset(taskOf([...numbered(50), ...numbered(10)]));
    expect(train.length + heldOut.length).toBe(50);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain('10 of 60 problems repeat a prompt');
  });

  it('refuses what cannot be trained on', async () => {
    const held = numbered(100).filter(({ prompt }) => splitOf(prompt) === 'held_out');
    expect(await codeOf(loadDataset(taskOf([])))).toBe('DATASET_EMPTY');
    expect(await codeOf(loadDataset(taskOf(held)))).toBe('DATASET_EMPTY');
    expect(await codeOf(loadDataset(taskOf('no list')))).toBe('BAD_TASK');
    for (const problem of [
      null,
      3,
      {},
      { prompt: '', answer: '' },
      { prompt: 'a' },
      { prompt: 'a', answer: 3 },
    ])
      expect(await codeOf(loadDataset(taskOf([problem])))).toBe('BAD_TASK');
    await expect(loadDataset(taskOf(numbered(100)), { trainSamples: 100 })).rejects.toMatchObject({
      code: 'TRAIN_SAMPLES',
      value: 100,
    });
  });

  it('can do without held-out problems', async () => {
    const train = numbered(20).filter(({ prompt }) => splitOf(prompt) === 'train');
    const dataset = await loadDataset(taskOf(train));
    expect(dataset.heldOut).toEqual([]);
    expect(dataset.notices[0]).toContain('no held-out problems');
    expect(await codeOf(loadSplit(taskOf(train), 'held_out', null))).toBe('DATASET_EMPTY');
  });
});
