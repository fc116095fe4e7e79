import { describe, expect, it } from 'vitest';
import { planBatches } from '../../../../src/grpo/batches.js';
import { curriculumTask, loadDataset, loadStages } from '../../../../src/data/tasks/index.js';
import { judge } from '../../../../src/data/rewards/judge.js';
import type { Completion } from '../../../../src/data/tasks/task.js';
import { codeOf } from '../../../support/fixtures.js';

const OPTIONS = { task: 'arithmetic', operations: '+-*', maxOperand: 20 };
const JOURNAL = [
  { untilEpoch: 20, operations: '+', maxOperand: 10, trainSamples: 80 },
  { untilEpoch: 50, maxOperand: 10 },
  { maxOperand: 20 },
];

describe('a curriculum', () => {
  it("has the journal's stages: each with its own problems, held out what the last one has", async () => {
    const stages = await loadStages({ ...OPTIONS, curriculum: JOURNAL });
    const { train, stages: parts, heldOut } = await loadDataset(stages, { trainSamples: 100, seed: 42 });
    expect(parts.map(({ untilEpoch }) => untilEpoch)).toEqual([20, 50, Infinity]);
    expect(parts.map(({ positions }) => positions.length)).toEqual([80, 100, 100]);
    const numbers = (prompt: string) => prompt.match(/\d+/g)!.map(Number);
    const of = (i: number) => parts[i]!.positions.map((position) => train[position]!.prompt);
    for (const prompt of of(0)) {
      expect(prompt).toContain('+');
      expect(Math.max(...numbers(prompt))).toBeLessThanOrEqual(10);
    }
    expect(of(1).some((prompt) => prompt.includes('*'))).toBe(true);
    expect(Math.max(...of(1).flatMap(numbers))).toBeLessThanOrEqual(10);
    expect(Math.max(...of(2).flatMap(numbers))).toBe(20);
    expect(Math.max(...heldOut.flatMap(({ prompt }) => numbers(prompt)))).toBe(20);
    // A problem has one identity, whatever stages it is in.
    expect(new Set(train.map(({ prompt }) => prompt)).size).toBe(train.length);
    const batches = planBatches(parts, {
      batchSize: 64,
      numGenerations: 16,
      gradientAccumulationSteps: 1,
      numIterations: 1,
      numTrainEpochs: 100,
      maxSteps: -1,
      seed: 42,
    });
    expect(batches.totalSteps).toBe(20 * 20 + 30 * 25 + 50 * 25);
  });

  it('may be of different tasks, each with its own rules', async () => {
    const stages = await loadStages({
      ...OPTIONS,
      curriculum: [
        { untilEpoch: 1, task: 'comparison' },
        { task: 'mixed', taskWeights: { counting: 1, binary: 1 } },
      ],
    });
    const task = await curriculumTask(stages);
    expect(task.name).toBe('comparison-mixed');
    const { train } = await loadDataset(stages);
    const problem = (start: string) => train.find(({ prompt }) => prompt.startsWith(start))!;
    const answered = (start: string, text?: string): Completion => {
      const own = problem(start);
      return { ...own, completion: text ?? own.answer, problem: own };
    };
    const rewards = await judge(task.reward, [
      answered('Is '),
      answered('Count '),
      answered('Binary '),
      answered('Is ', '7'),
    ]);
    expect(rewards).toEqual([1, 1, 1, -1]);
    expect(task.stop!('yes', problem('Is '))).toBe(false);
    expect(task.stop!('no way', problem('Is '))).toBe(true);
    expect(task.stop!('12', problem('Count '))).toBe(false);
    expect(task.isCorrect!(answered('Is '), 1)).toBe(true);
  });

  it('is refused where its epochs do not go up', async () => {
    const load = (curriculum: typeof JOURNAL) => codeOf(loadStages({ ...OPTIONS, curriculum }));
    expect(await load([{ untilEpoch: 3 }, { untilEpoch: 3 }] as typeof JOURNAL)).toBe('CURRICULUM');
    expect(await load([{}, { untilEpoch: 3 }] as typeof JOURNAL)).toBe('CURRICULUM');
    expect(await load([{ untilEpoch: 2, maxOperand: 5 }] as typeof JOURNAL)).toBe('no error');
  });

  it('without stages is the task as it is', async () => {
    const stages = await loadStages(OPTIONS);
    expect(stages).toHaveLength(1);
    expect(await curriculumTask(stages)).toBe(stages[0]!.task);
  });
});

describe('repeated problems', () => {
  it('are drawn from as many as were asked for, counted and told', async () => {
    const stages = await loadStages({ task: 'binary', maxOperand: 15 });
    const drawn = await loadDataset(stages, { trainSamples: 100, uniqueSamples: 16, seed: 42 });
    expect(drawn.stages[0]!.positions).toHaveLength(100);
    expect(drawn.train.length).toBeLessThanOrEqual(16);
    expect(drawn.train.length).toBeGreaterThan(12);
    expect(drawn.notices.join()).toContain(
      `${100 - drawn.train.length} of 100 training problems repeat another`,
    );
    const again = await loadDataset(stages, { trainSamples: 100, uniqueSamples: 16, seed: 42 });
    expect(again.stages).toEqual(drawn.stages);
    expect(await codeOf(loadDataset(stages, { uniqueSamples: 1000 }))).toBe('UNIQUE_SAMPLES');
    const some = await loadDataset(stages, { uniqueSamples: 16 });
    expect(some.stages[0]!.positions).toHaveLength(16);
  });
});
