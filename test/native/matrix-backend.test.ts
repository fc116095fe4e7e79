/** The library that multiplies matrices is an engine's own, though libtorch has one setting for the process. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEngine, loadAddon } from '../../src/engine/addon.js';
import type { NativeEngine } from '../../src/engine/types.js';
import { codeOf } from '../support/fixtures.js';
import { QWEN2_SMALL as config } from '../support/models.js';
import { randomTokens, relativeDifference } from '../support/numbers.js';

/** Of the norm, between two libraries that both multiply in float32. */
const TOLERANCE = 1e-5;

async function open(matrixBackend: 'mkl' | 'onednn'): Promise<NativeEngine> {
  const engine = createEngine({ device: 'cpu', dtype: 'float32', threads: 1, matrixBackend });
  onTestFinished(() => engine.dispose());
  await engine.initialize(config, 1);
  return engine;
}

it('is chosen by products of the given shape', async () => {
  const shape = { in: 64, out: 128, layers: 2 };
  const options = { device: 'cpu', dtype: 'float32', threads: 1, matrixBackend: 'auto' } as const;
  const engines = [createEngine({ ...options, matrixShape: shape }), createEngine(options)];
  onTestFinished(async () => {
    for (const engine of engines) await engine.dispose();
  });
  const [small, large] = await Promise.all(engines.map((engine) => engine.info()));
  for (const { matrixBackend, matrixGflops } of [small!, large!]) {
    expect(Object.keys(matrixGflops)).toContain(matrixBackend);
    for (const rate of Object.values(matrixGflops)) expect(rate).toBeGreaterThan(0);
  }
  expect(small!.matrixGflops).not.toEqual(large!.matrixGflops);
  expect(() => createEngine({ ...options, matrixShape: { ...shape, layers: 0 } })).toThrow(
    expect.objectContaining({ code: 'BAD_ARGUMENT' }),
  );
});

describe('engines of one process', () => {
  /** So many that the libraries multiply them, not the engine's own kernel for few rows. */
  const ids = randomTokens(200, 1, config.vocabSize);

  it('keep to their own matrix library, whatever the others have', async () => {
    const mkl = await open('mkl');
    const before = await mkl.logits(ids);

    const other = open('onednn');
    const code = await codeOf(other);
    expect(['no error', 'MATMUL_INEXACT']).toContain(code); // the latter where oneDNN rounds to bfloat16
    expect(relativeDifference(await mkl.logits(ids), before)).toBe(0);
    if (code === 'no error') {
      const onednn = await other;
      const theirs = await onednn.logits(ids);
      const difference = relativeDifference(theirs, before);
      expect(difference).toBeGreaterThan(0); // it is another library
      expect(difference).toBeLessThan(TOLERANCE);
      const [first, second] = await Promise.all([onednn.logits(ids), mkl.logits(ids)]);
      expect(relativeDifference(first, theirs)).toBe(0);
      expect(relativeDifference(second, before)).toBe(0);
    }

    loadAddon().machineLimits({ device: 'cpu', threads: 1 });
    expect(relativeDifference(await mkl.logits(ids), before)).toBe(0);
  });
});
