import { describe, expect, it } from 'vitest';
import { oneStage, permutation, planBatches, type BatchOptions } from '../../../src/grpo/batches.js';

const OPTIONS: BatchOptions = {
  batchSize: 64,
  numGenerations: 16,
  gradientAccumulationSteps: 1,
  numIterations: 1,
  numTrainEpochs: 3,
  maxSteps: -1,
  seed: 42,
};
const refusal = (datasetSize: number, options: Partial<BatchOptions>): { code: string; fix: string } => {
  try {
    planBatches(oneStage(datasetSize), { ...OPTIONS, ...options });
  } catch (error) {
    return error as { code: string; fix: string };
  }
  throw new Error('not refused');
};

describe('planBatches', () => {
  it("counts the journal's run: 100 problems, 30 epochs, 750 steps", () => {
    const batches = planBatches(oneStage(100), { ...OPTIONS, numTrainEpochs: 30 });
    expect(batches).toMatchObject({ promptsPerStep: 4, totalSteps: 750, epochs: 30 });
    expect(batches.epoch(24)).toBe(1);
  });

  it('sees every prompt once an epoch, in another order each epoch and seed', () => {
    const orders = [0, 1].map((epoch) => {
      const batches = planBatches(oneStage(100), OPTIONS);
      return Array.from({ length: 25 }, (_, i) => batches.prompts(epoch * 25 + i)).flat();
    });
    for (const order of orders) expect([...order].sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
    expect(orders[0]).not.toEqual(orders[1]);
    expect(permutation(100, 42, 0)).not.toEqual(permutation(100, 43, 0));
    expect(permutation(100, 42, 0)).toEqual(orders[0]);
  });

  it('drops what does not fill a batch', () => {
    const batches = planBatches(oneStage(10), OPTIONS);
    expect(batches.totalSteps).toBe(6);
    expect(batches.epoch(1)).toBe(1);
    expect(new Set([...batches.prompts(0), ...batches.prompts(1)]).size).toBe(8);
  });

  it('gives the same prompts for a step whatever was asked before', () => {
    const batches = planBatches(oneStage(100), OPTIONS);
    batches.prompts(60);
    expect(batches.prompts(3)).toEqual(planBatches(oneStage(100), OPTIONS).prompts(3));
  });

  it('reuses a batch for num_iterations steps', () => {
    const batches = planBatches(oneStage(100), { ...OPTIONS, numIterations: 3 });
    expect(batches.totalSteps).toBe(225);
    expect([0, 1, 2, 3].map(batches.samples)).toEqual([true, false, false, true]);
    expect(batches.prompts(0)).toEqual(batches.prompts(2));
    expect(batches.prompts(0)).not.toEqual(batches.prompts(3));
  });

  it('ends at max_steps', () => {
    expect(planBatches(oneStage(100), { ...OPTIONS, maxSteps: 7 }).totalSteps).toBe(7);
  });

  it('names the batch sizes that work', () => {
    expect(refusal(100, { batchSize: 60 })).toMatchObject({ code: 'BATCH_SIZE' });
    expect(refusal(100, { batchSize: 60 }).fix).toContain('48 or 64');
    expect(refusal(100, { batchSize: 5 }).fix).toContain('16');
    expect(refusal(100, { batchSize: 64, gradientAccumulationSteps: 3 }).fix).toContain('48 or 96');
    expect(refusal(3, {})).toMatchObject({ code: 'TOO_MANY_PROMPTS' });
    expect(refusal(3, {}).fix).toContain('48');
    expect(refusal(0, {})).toMatchObject({ code: 'DATASET_EMPTY' });
  });

  it('samples for several steps at once, which learn from a part each, num_iterations times over', () => {
    const batches = planBatches(oneStage(100), { ...OPTIONS, stepsPerGeneration: 3, numIterations: 2 });
    // 8 generations of 12 prompts in 100 problems, 6 steps each.
    expect(batches).toMatchObject({ promptsPerStep: 4, partsPerGeneration: 3, totalSteps: 3 * 48 });
    expect([0, 1, 2, 3, 4, 5, 6].map(batches.part)).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect([0, 1, 2, 3, 4, 5, 6].map(batches.samples)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(batches.prompts(0)).toHaveLength(12);
    expect(batches.prompts(5)).toEqual(batches.prompts(0));
    expect(new Set([...batches.prompts(0), ...batches.prompts(6)]).size).toBe(24);
    expect(refusal(100, { stepsPerGeneration: 3, gradientAccumulationSteps: 2 })).toMatchObject({
      code: 'STEPS_PER_GENERATION',
    });
    expect(refusal(10, { stepsPerGeneration: 3 })).toMatchObject({ code: 'TOO_MANY_PROMPTS' });
  });

  it('goes through the stages of a curriculum', () => {
    const stages = [
      { untilEpoch: 2, positions: [0, 1, 2, 3, 4, 5, 6, 7] },
      { untilEpoch: Infinity, positions: [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18] },
    ];
    const batches = planBatches(stages, { ...OPTIONS, numTrainEpochs: 5 });
    // Two epochs of two steps, then three of three.
    expect(batches.totalSteps).toBe(4 + 9);
    expect([0, 3, 4, 12].map(batches.stage)).toEqual([0, 0, 1, 1]);
    expect([1, 3, 6, 12].map(batches.epoch)).toEqual([1, 2, 3, 5]);
    const met = (steps: number[]) => [...new Set(steps.flatMap(batches.prompts))].sort((a, b) => a - b);
    expect(met([0, 1])).toEqual(stages[0]!.positions);
    expect(met([2, 3])).toEqual(stages[0]!.positions);
    expect(met([4, 5, 6])).toEqual(stages[1]!.positions);
    expect(planBatches(stages, { ...OPTIONS, numTrainEpochs: 1.5 }).totalSteps).toBe(3);
    expect(planBatches(stages, { ...OPTIONS, maxSteps: 40 }).stage(39)).toBe(1);
  });

  it('meets a problem that is there twice twice an epoch', () => {
    const batches = planBatches([{ untilEpoch: Infinity, positions: [0, 1, 0, 1] }], OPTIONS);
    expect([...batches.prompts(0)].sort()).toEqual([0, 0, 1, 1]);
  });
});
