import { describe, expect, it } from 'vitest';
import { permutation, planBatches, type BatchOptions } from '../../../src/grpo/batches.js';

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
    planBatches(datasetSize, { ...OPTIONS, ...options });
  } catch (error) {
    return error as { code: string; fix: string };
  }
  throw new Error('not refused');
};

describe('planBatches', () => {
  it("counts the journal's run: 100 problems, 30 epochs, 750 steps", () => {
    const batches = planBatches(100, { ...OPTIONS, numTrainEpochs: 30 });
    expect(batches).toMatchObject({ promptsPerStep: 4, stepsPerEpoch: 25, totalSteps: 750 });
    expect(batches.epoch(24)).toBe(1);
  });

  it('sees every prompt once an epoch, in another order each epoch and seed', () => {
    const orders = [0, 1].map((epoch) => {
      const batches = planBatches(100, OPTIONS);
      return Array.from({ length: 25 }, (_, i) => batches.prompts(epoch * 25 + i)).flat();
    });
    for (const order of orders) expect([...order].sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
    expect(orders[0]).not.toEqual(orders[1]);
    expect(permutation(100, 42, 0)).not.toEqual(permutation(100, 43, 0));
    expect(permutation(100, 42, 0)).toEqual(orders[0]);
  });

  it('drops what does not fill a batch', () => {
    const batches = planBatches(10, OPTIONS);
    expect(batches.stepsPerEpoch).toBe(2);
    expect(new Set([...batches.prompts(0), ...batches.prompts(1)]).size).toBe(8);
  });

  it('gives the same prompts for a step whatever was asked before', () => {
    const batches = planBatches(100, OPTIONS);
    batches.prompts(60);
    expect(batches.prompts(3)).toEqual(planBatches(100, OPTIONS).prompts(3));
  });

  it('reuses a batch for num_iterations steps', () => {
    const batches = planBatches(100, { ...OPTIONS, numIterations: 3 });
    expect(batches.stepsPerEpoch).toBe(75);
    expect([0, 1, 2, 3].map(batches.samples)).toEqual([true, false, false, true]);
    expect(batches.prompts(0)).toEqual(batches.prompts(2));
    expect(batches.prompts(0)).not.toEqual(batches.prompts(3));
  });

  it('ends at max_steps', () => {
    expect(planBatches(100, { ...OPTIONS, maxSteps: 7 }).totalSteps).toBe(7);
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
});
