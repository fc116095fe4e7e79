/** What benchmarks ask of the addon: models without files, and the machine's limits. */
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/engine/addon.js';
import { parseModelConfig } from '../../src/model/config.js';
import { expectedTensors } from '../../src/model/tensor-names.js';
import { codeOf } from '../support/fixtures.js';
import { DEVICE, ON_CPU } from '../support/device.js';
import { ADAMW, batchOf, randomModel, tensorsOf } from '../support/models.js';
import { maxDifference, randomFloats } from '../support/numbers.js';

const config = parseModelConfig({
  model_type: 'qwen2',
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  tie_word_embeddings: true,
});

const initialize = (seed: number, dtype: 'float32' | 'bfloat16' = 'float32') =>
  randomModel(config, { seed, dtype });

describe('a model of random weights', () => {
  it('has normal(0, 0.02) weights, biases 0 and norms 1', async () => {
    const tensors = await tensorsOf(await initialize(1), 'weight');
    expect([...tensors.keys()].sort()).toEqual(
      expectedTensors(config)
        .map(({ name }) => name)
        .sort(),
    );
    for (const [name, values] of tensors) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const deviation = Math.sqrt(
        values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length,
      );
      if (name.endsWith('.bias')) expect(values.every((value) => value === 0)).toBe(true);
      else if (name.endsWith('norm.weight')) expect(values.every((value) => value === 1)).toBe(true);
      else {
        // Five standard errors of the smallest tensor, 32 x 64.
        expect(Math.abs(mean)).toBeLessThan(0.0023);
        expect(Math.abs(deviation - 0.02)).toBeLessThan(0.0016);
      }
    }
  });

  it('follows from the seed', async () => {
    const [a, b, c] = [await initialize(7), await initialize(7), await initialize(8)];
    const name = 'model.layers.1.mlp.up_proj.weight';
    const values = await a.engine.tensor(name, 'weight');
    expect(await b.engine.tensor(name, 'weight')).toEqual(values);
    expect(await c.engine.tensor(name, 'weight')).not.toEqual(values);
  });

  it.each(['float32', 'bfloat16'] as const)('learns, in %s', async (dtype) => {
    const model = await initialize(1, dtype);
    await model.freezeReference();
    const batch = batchOf([{ prompt: [1, 2, 3], completions: [[4, 5], [6]] }]);
    const { logps } = await model.forward(batch, 1);
    expect(logps.every((logp) => logp < 0 && logp > -10)).toBe(true);
    await model.backward(randomFloats(3, 1));
    expect(await model.optimizerStep(ADAMW)).toBeGreaterThan(0);
    expect((await model.score(batch)).logps).not.toEqual(logps);
    // The reference stays what it was, but for how sums are ordered.
    const reference = await model.score(batch, { which: 'reference' });
    expect(maxDifference(reference.logps, logps)).toBeLessThan(0.01);
  });

  it('is made once an engine', async () => {
    const model = await initialize(1);
    expect(await codeOf(model.engine.initialize(config, 1))).toBe('MODEL_LOADED');
  });
});

describe("the machine's limits", () => {
  it('are plausible rates, and leave the choice of matrix library alone', async () => {
    const model = await initialize(1);
    const before = await model.info();
    const limits = loadAddon().machineLimits({ device: DEVICE, threads: 1 });
    expect(limits.threads).toBe(1);
    expect(Object.keys(limits.float32)).toContain(ON_CPU ? 'mkl' : 'own');
    // Neither exact nor rounded to bfloat16 or TF32.
    expect(limits.rounding).toBeGreaterThan(0);
    expect(limits.rounding).toBeLessThan(1e-6);
    const rates = [...Object.values(limits.float32), limits.bfloat16];
    for (const rate of rates) {
      expect(rate).toBeGreaterThan(1e8);
      expect(rate).toBeLessThan(1e15);
    }
    for (const rate of [limits.read, limits.copy, limits.update]) {
      expect(rate).toBeGreaterThan(1e8);
      expect(rate).toBeLessThan(1e14);
    }
    expect((await model.info()).matrixBackend).toBe(before.matrixBackend);
    expect(() => loadAddon().machineLimits({ device: 'tpu', threads: 1 })).toThrow(
      expect.objectContaining({ code: 'DEVICE_UNKNOWN' }),
    );
  });
});
