/** Floors against numbers worked out by hand. */
import { expectedTensors } from '../../../src/model/tensor-names.js';
import { describe, expect, it } from 'vitest';
import {
  bestLimits,
  floorOf,
  matrixWeights,
  plainTrainingFlops,
  predictorRows,
  shareOfLimit,
  sumOfFloors,
  workOf,
  type Counts,
} from '../../../bench/roofline.js';
import { parseModelConfig } from '../../../src/model/config.js';
import type { MachineLimits } from '../../../src/engine/types.js';
import { batchOf } from '../../support/models.js';

/** A layer: q and o 4 x 8 each, k and v 4 x 4 each, 96; gate, up and down 4 x 5 each, 60. */
const config = parseModelConfig({
  model_type: 'llama',
  vocab_size: 10,
  hidden_size: 4,
  intermediate_size: 5,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 4,
});
/** Two embeddings (not tied) of 40, two layers of 156, two norms of 4 in each and one after. */
const PARAMETERS = 80 + 312 + 16 + 4;

const counts: Counts = {
  sample: { nodes: 9, rows: 5, positions: 3 },
  reference: { nodes: 7, rows: 4 },
  train: { forward: { nodes: 2, rows: 5 }, nodes: 9, rows: 5, backward: true },
};
const limits: MachineLimits = {
  threads: 1,
  float32: { mkl: 50, onednn: 100 },
  rounding: 3e-7,
  bfloat16: 200,
  read: 10,
  copy: 20,
  update: 40,
};

it('counts the weights that tokens are multiplied with', () => {
  expect(matrixWeights(config)).toEqual({ layers: 312, vocabulary: 40 });
});

describe('the work of a step', () => {
  it('in float32', () => {
    const work = workOf(config, 'float32', counts);
    expect(work.sample).toEqual({ flops: 2 * (9 * 312 + 5 * 40), read: 3 * 352 * 4, written: 0 });
    expect(work.reference).toEqual({ flops: 2 * (7 * 312 + 4 * 40), read: 352 * 4, written: 0 });
    expect(work.train).toEqual({
      flops: 2 * (2 * 312 + 5 * 40) + 4 * (9 * 312 + 5 * 40),
      read: (312 + 40 + 352) * 4,
      written: PARAMETERS * 4,
    });
    // The norm reads gradients; AdamW reads 4 and writes 3 of each parameter's numbers.
    expect(work.optimizer).toEqual({ flops: 0, read: 5 * PARAMETERS * 4, written: 3 * PARAMETERS * 4 });
  });

  it('in bfloat16: passes read half as much, gradients stay float32, the optimiser writes a copy more', () => {
    const work = workOf(config, 'bfloat16', counts);
    expect(work.sample.read).toBe(3 * 352 * 2);
    expect(work.train).toMatchObject({ read: (312 + 40 + 352) * 2, written: PARAMETERS * 4 });
    expect(work.optimizer).toMatchObject({ read: 5 * PARAMETERS * 4, written: PARAMETERS * (12 + 2) });
  });

  it('is none where nothing was asked: a reference that is known, activations that were kept, no backward', () => {
    const work = workOf(config, 'float32', {
      ...counts,
      reference: { nodes: 0, rows: 0 },
      train: { forward: { nodes: 0, rows: 5 }, nodes: 9, rows: 5, backward: false },
    });
    expect(work.reference).toEqual({ flops: 0, read: 0, written: 0 });
    expect(work.train).toEqual({ flops: 2 * 5 * 40, read: 40 * 4, written: 0 });
  });

  it('trains for three times the forward where nothing was kept', () => {
    const train = { forward: { nodes: 9, rows: 5 }, nodes: 9, rows: 5, backward: true };
    const work = workOf(config, 'float32', { ...counts, train });
    expect(work.train.flops).toBe(3 * work.sample.flops);
    expect(plainTrainingFlops(config, counts)).toBe(work.train.flops);
  });

  it('trains for the backward alone where all was kept', () => {
    const train = { forward: { nodes: 0, rows: 0 }, nodes: 9, rows: 5, backward: true };
    const work = workOf(config, 'float32', { ...counts, train });
    expect(work.train).toMatchObject({ flops: 2 * work.sample.flops, read: 352 * 4 });
  });
});

describe('the work of a step with adapters of rank 2', () => {
  // [out, in] of the seven matrices of a layer sum to 2 (in + out) numbers each.
  const adapters = expectedTensors(config)
    .filter(({ name }) => name.endsWith('_proj.weight'))
    .reduce((sum, { shape: [out, into] }) => sum + 2 * (out! + into!), 0);
  const work = workOf(config, 'float32', counts, 2);

  it('reads weights in bfloat16, and multiplies with the adapters too', () => {
    expect(work.sample).toEqual({
      flops: 2 * (9 * 312 + 5 * 40) + 2 * 9 * adapters,
      read: 3 * 352 * 2,
      written: 0,
    });
    expect(work.reference).toEqual({ flops: 2 * (7 * 312 + 4 * 40), read: 352 * 2, written: 0 });
  });

  it('has derivatives of the adapters alone, and updates these', () => {
    const forward = (nodes: number) => 2 * (nodes * 312 + 5 * 40) + 2 * nodes * adapters;
    expect(work.train.flops).toBe(forward(2) + forward(9) + 2 * 9 * adapters);
    expect(work.train.written).toBe(4 * adapters);
    expect(work.optimizer).toEqual({ flops: 0, read: 20 * adapters, written: 12 * adapters });
    expect(plainTrainingFlops(config, counts, 2)).toBe(2 * 2 * (9 * 312 + 5 * 40));
  });
});

describe('floors', () => {
  it('take the best rate: of the libraries, and of memory by how it is used', () => {
    const work = { flops: 1000, read: 70, written: 30 };
    // 60 bytes in pairs at 40 a second, 40 read alone at 10.
    expect(floorOf(work, limits, 'float32')).toEqual({ arithmetic: 10, memory: 1.5 + 4 });
    expect(floorOf(work, limits, 'bfloat16').arithmetic).toBe(5);
    expect(floorOf({ flops: 0, read: 20, written: 0 }, limits, 'float32').memory).toBe(2);
    expect(floorOf({ flops: 0, read: 0, written: 0 }, limits, 'float32')).toEqual({
      arithmetic: 0,
      memory: 0,
    });
  });

  it('add up, and tell which one binds', () => {
    const floor = sumOfFloors([
      { arithmetic: 1, memory: 3 },
      { arithmetic: 4, memory: 1 },
    ]);
    expect(floor).toEqual({ arithmetic: 5, memory: 4 });
    expect(shareOfLimit(floor, 10)).toEqual({ bound: 'arithmetic', share: 0.5 });
    expect(shareOfLimit({ arithmetic: 1, memory: 4 }, 5)).toEqual({ bound: 'memory', share: 0.8 });
    expect(shareOfLimit(floor, 0).share).toBe(0);
  });

  it('use the best of several measurements', () => {
    const other = { ...limits, float32: { mkl: 60 }, bfloat16: 100, read: 30, update: 5 };
    expect(bestLimits([limits, other])).toEqual({
      threads: 1,
      float32: { mkl: 60, onednn: 100 },
      rounding: 3e-7,
      bfloat16: 200,
      read: 30,
      copy: 20,
      update: 40,
    });
  });
});

it('counts distinct beginnings that a token is predicted from', () => {
  const batch = batchOf([
    { prompt: [1, 2], completions: [[3, 4], [3, 5], [6]] }, // [1 2], [1 2 3]
    { prompt: [1], completions: [[2, 3]] }, // [1], [1 2] again
  ]);
  expect(predictorRows(batch)).toBe(3);
});
