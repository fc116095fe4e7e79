/**
 * Few rows go through kernels of ours, many through libtorch's: both give the same, at sizes that no
 * vector divides too. A product that one of them got wrong would differ by its own size.
 */
import { describe, expect, it } from 'vitest';
import { parseModelConfig } from '../../src/model/config.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import type { DType } from '../../src/engine/types.js';
import { batchOf, randomModel, tensorsOf, tokenCount } from '../support/models.js';
import { norm, randomFloats, randomTokens, relativeDifference } from '../support/numbers.js';
import { engineInProcess } from '../support/processes.js';

/** Of the norm. bfloat16 keeps 8 bits, and rounds at other places in the two. */
const TOLERANCE: Record<DType, { logits: number; gradients: number }> = {
  float32: { logits: 1e-5, gradients: 1e-4 },
  bfloat16: { logits: 2e-2, gradients: 5e-2 },
};

const config = parseModelConfig({
  model_type: 'qwen2',
  vocab_size: 101,
  hidden_size: 78,
  intermediate_size: 37,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  tie_word_embeddings: true,
});
/** Rows so long that a product takes them in parts. */
const wide = { ...config, hiddenSize: 1038, intermediateSize: 2071, headDim: 346 };

function modelOf(dtype: DType, shape = config): Promise<LanguageModel> {
  const ropeInvFreq = Float64Array.from({ length: shape.headDim / 2 }, (_, i) => 0.9 ** i);
  return randomModel({ ...shape, ropeInvFreq }, { seed: 11, dtype, threads: 2 });
}

describe.each([
  ['float32', 'narrow', config],
  ['bfloat16', 'narrow', config],
  ['float32', 'wide', wide],
  ['bfloat16', 'wide', wide],
] as const)('in %s, %s rows', (dtype, _, shape) => {
  it('logits of 1 to 97 tokens are those among 300', async () => {
    const { engine } = await modelOf(dtype, shape);
    const ids = randomTokens(300, 1);
    const all = await engine.logits(ids);
    for (const count of [1, 2, 5, 7, 13, 24, 64, 65, 96, 97]) {
      const few = await engine.logits(ids.slice(0, count));
      expect(relativeDifference(few, all.slice(0, few.length)), `${count} tokens`).toBeLessThan(
        TOLERANCE[dtype].logits,
      );
    }
  });

  it('gradients of parts add up to that of the whole', async () => {
    const model = await modelOf(dtype, shape);
    const completions = Array.from({ length: 24 }, (_, i) => randomTokens(15, i + 2));
    const whole = batchOf([{ prompt: [1, 2, 3], completions }]);
    const derivatives = randomFloats(tokenCount(whole), 5);
    expect((await model.forward(whole, 1)).nodes).toBeGreaterThan(256);
    await model.backward(derivatives);
    const together = await tensorsOf(model, 'grad');

    await model.engine.zeroGrad();
    for (let i = 0; i < 24; i += 4) {
      const part = batchOf([{ prompt: [1, 2, 3], completions: completions.slice(i, i + 4) }]);
      expect((await model.forward(part, 1)).nodes).toBeLessThan(64);
      await model.backward(derivatives.slice(15 * i, 15 * (i + 4)));
    }
    const apart = await tensorsOf(model, 'grad');
    const total = norm([...together.values()].map(norm));
    for (const [name, gradient] of together) {
      if (norm(gradient) < 1e-3 * total) continue; // what cancels to rounding
      expect(relativeDifference(apart.get(name)!, gradient), name).toBeLessThan(TOLERANCE[dtype].gradients);
    }
  });
});

describe('on a lesser processor', () => {
  const small = async (capability?: string) => {
    const env = capability === undefined ? {} : { ATEN_CPU_CAPABILITY: capability };
    const { output, errors } = await engineInProcess('small', env);
    if (!output) throw new Error(errors);
    return JSON.parse(output) as { logps: number[]; gradient: number[] };
  };

  it.each(['avx2', 'default'])('%s gives what this one does', async (capability) => {
    const [here, there] = [await small(), await small(capability)];
    const { logits, gradients } = TOLERANCE.float32;
    const difference = (a: number[], b: number[]) =>
      relativeDifference(Float32Array.from(a), Float32Array.from(b));
    expect(difference(there.logps, here.logps)).toBeLessThan(logits);
    expect(difference(there.gradient, here.gradient)).toBeLessThan(gradients);
    expect(norm(Float32Array.from(here.gradient))).toBeGreaterThan(0);
  });
});
