/** The KL to the reference model over the whole vocabulary, and its gradient. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Batch, DType } from '../../src/engine/types.js';
import { joined } from '../../src/common/floats.js';
import { parseModelConfig } from '../../src/model/config.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import { codeOf, fixtureModel, fixtures, temporaryFolder } from '../support/fixtures.js';
import {
  ADAMW,
  alone,
  batchOf,
  byCompletion,
  loadModel,
  randomModel,
  tensorsOf,
  tokenCount,
} from '../support/models.js';
import {
  dot,
  maxDifference,
  norm,
  randomFloats,
  randomTokens,
  relativeDifference,
  sum,
} from '../support/numbers.js';
import { writeTensorFile } from '../support/safetensors.js';

interface Reference {
  temperature: number;
  scale: number;
  prompts: number[][];
  completions: number[][][];
  kls: number[];
  weights: number[];
  grads: Record<string, { norm: number; first: number[]; sum: number }>;
}
const expected = JSON.parse(readFileSync(join(fixtures, 'kl.json'), 'utf8')) as Reference;
const BATCH = batchOf(
  expected.prompts.map((prompt, i) => ({ prompt, completions: expected.completions[i]! })),
);
const { temperature } = expected;
const weights = Float32Array.from(expected.weights);
const none = (batch: Batch) => new Float32Array(tokenCount(batch));

/** A fixture model whose reference model has each weight times `scale`. */
async function withReference(dtype: DType = 'float32', scale = expected.scale): Promise<LanguageModel> {
  const model = await loadModel(fixtureModel('qwen2-tied'), { dtype });
  await model.freezeReference();
  const shapes = new Map((await model.engine.parameters()).map(({ name, shape }) => [name, shape]));
  const scaled = new Map(
    Array.from(await tensorsOf(model, 'weight'), ([name, values]) => [
      `reference.${name}`,
      { shape: shapes.get(name)!, values: values.map((value) => value * Math.fround(scale)) },
    ]),
  );
  const file = join(temporaryFolder(), 'reference.safetensors');
  writeTensorFile(file, scaled);
  await model.loadReference(file);
  return model;
}

async function gradientsOf(model: LanguageModel, batch: Batch, dKls: Float32Array) {
  await model.zeroGrad();
  await model.forward(batch, temperature, { kl: true });
  await model.backward(none(batch), null, dKls);
  return tensorsOf(model, 'grad');
}

describe('the KL over the vocabulary', () => {
  it("is torch's within 2e-5, and its gradient within 1e-4 of each parameter's norm", async () => {
    const model = await withReference();
    const { kls } = await model.forward(BATCH, temperature, { kl: true });
    expect(maxDifference(kls!, expected.kls)).toBeLessThan(2e-5);
    await model.backward(none(BATCH), null, weights);
    const gradients = await tensorsOf(model, 'grad');
    expect([...gradients.keys()].sort()).toEqual(Object.keys(expected.grads).sort());
    for (const [name, { norm: length, first, sum: total }] of Object.entries(expected.grads)) {
      const gradient = gradients.get(name)!;
      expect(Math.abs(norm(gradient) - length), `norm of ${name}`).toBeLessThan(1e-4 * length);
      expect(maxDifference(gradient.slice(0, first.length), first), name).toBeLessThan(1e-4 * length);
      expect(Math.abs(sum(gradient) - total), `sum of ${name}`).toBeLessThan(
        1e-4 * length * Math.sqrt(gradient.length),
      );
    }
  });

  it('agrees with finite differences of it along its gradient, within 1%', async () => {
    const model = await withReference();
    const gradients = await gradientsOf(model, BATCH, weights);
    const total = norm([...gradients.values()].map(norm));
    /** The value after a step of that length down the gradient. */
    const after = async (move: number) => {
      await model.loadWeights(fixtureModel('qwen2-tied'));
      await gradientsOf(model, BATCH, weights);
      // Plain descent: with both betas 0 and a huge eps AdamW moves by rate * g / eps.
      const eps = 1e6;
      await model.optimizerStep({ ...ADAMW, beta1: 0, beta2: 0, eps, learningRate: (move / total) * eps });
      return dot((await model.score(BATCH, { temperature, kl: true })).kls!, weights);
    };
    expect(((await after(-1e-3)) - (await after(1e-3))) / (2e-3 * total)).toBeCloseTo(1, 2);
  });

  it('adds to what log-probs and entropies give', async () => {
    const model = await withReference();
    const [dLogps, dEntropies] = [randomFloats(weights.length, 1), randomFloats(weights.length, 2)];
    const ofKls = await gradientsOf(model, BATCH, weights);
    await model.zeroGrad();
    const plain = await model.forward(BATCH, temperature);
    await model.backward(dLogps, dEntropies);
    const ofOthers = await tensorsOf(model, 'grad');
    await model.zeroGrad();
    const scores = await model.forward(BATCH, temperature, { kl: true });
    expect([scores.logps, scores.entropies]).toEqual([plain.logps, plain.entropies]);
    await model.backward(dLogps, dEntropies, weights);
    for (const [name, all] of await tensorsOf(model, 'grad')) {
      const added = all.map((_, i) => ofKls.get(name)![i]! + ofOthers.get(name)![i]!);
      expect(relativeDifference(all, added), name).toBeLessThan(1e-4);
    }
  });

  it('is the same where sampling kept the log-probs', async () => {
    const model = await withReference();
    const { completions } = await model.sample({
      ...{ prompts: BATCH.prompts, promptIndices: [0, 1], numGenerations: 4, maxCompletionLength: 5 },
      ...{ temperature, seed: 1, step: 1, keepActivations: true },
    });
    const batch: Batch = {
      prompts: BATCH.prompts,
      completions: completions.map(({ ids }) => ids),
      promptOf: Int32Array.from(completions, ({ prompt }) => prompt),
    };
    const dKls = randomFloats(tokenCount(batch), 3);
    const kept = await model.forward(batch, temperature, { kl: true });
    expect(kept.predicted).toBe(0);
    // The reference model's own nodes.
    expect(kept.computed).toBe(kept.nodes);
    await model.backward(none(batch), null, dKls);
    const gradients = await tensorsOf(model, 'grad');
    const { kls } = await model.score(batch, { temperature, kl: true });
    expect(maxDifference(kept.kls!, kls!)).toBeLessThan(2e-5);
    for (const [name, anew] of await gradientsOf(model, batch, dKls))
      expect(relativeDifference(gradients.get(name)!, anew), name).toBeLessThan(1e-4);
  });

  it('is 0 while the policy is the reference, and near float32 in bfloat16', async () => {
    for (const dtype of ['float32', 'bfloat16'] as const) {
      const same = await loadModel(fixtureModel('qwen2-tied'), { dtype });
      await same.freezeReference();
      const { kls } = await same.forward(BATCH, temperature, { kl: true });
      expect(Math.max(...kls!.map(Math.abs))).toBeLessThan(1e-6);
      await same.backward(none(BATCH), null, weights);
      for (const gradient of (await tensorsOf(same, 'grad')).values())
        expect(norm(gradient)).toBeLessThan(1e-4);
    }
    const half = await withReference('bfloat16');
    const { kls } = await half.forward(BATCH, temperature, { kl: true });
    expect(relativeDifference(kls!, expected.kls)).toBeLessThan(0.1);
    await half.backward(none(BATCH), null, weights);
    const full = await gradientsOf(await withReference(), BATCH, weights);
    const [a, b] = [full, await tensorsOf(half, 'grad')].map((all) => joined([...all.values()]));
    expect(dot(a!, b!) / (norm(a!) * norm(b!))).toBeGreaterThan(0.98);
  });

  it('of more rows than are worked on at once is that of each completion alone', async () => {
    // 128 MB of logits are 335 rows of this vocabulary on the CPU, and twice as many on a device.
    const config = parseModelConfig({
      model_type: 'qwen2',
      vocab_size: 100_003,
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      tie_word_embeddings: true,
    });
    const model = await randomModel(config);
    await model.freezeReference();
    const long = batchOf([1, 2].map((seed) => ({ prompt: [seed], completions: [randomTokens(350, seed)] })));
    await model.forward(long, 1);
    await model.backward(randomFloats(tokenCount(long), 4));
    await model.optimizerStep({ ...ADAMW, learningRate: 0.05 });

    const dKls = randomFloats(tokenCount(long), 5);
    const { kls } = await model.score(long, { temperature, kl: true });
    expect(Math.max(...kls!)).toBeGreaterThan(0.01);
    const together = await gradientsOf(model, long, dKls);
    await model.zeroGrad();
    const [ownKls, ownDerivatives] = [byCompletion(kls!, long), byCompletion(dKls, long)];
    for (const [i, one] of alone(long).entries()) {
      const own = await model.forward(one, temperature, { kl: true });
      expect(maxDifference(own.kls!, ownKls[i]!)).toBeLessThan(2e-5);
      await model.backward(none(one), null, ownDerivatives[i]);
    }
    for (const [name, gradient] of await tensorsOf(model, 'grad'))
      expect(relativeDifference(gradient, together.get(name)!), name).toBeLessThan(1e-4);
  });

  it('needs a reference model, a forward that gave it, and the same reference until then', async () => {
    const model = await loadModel(fixtureModel('qwen2-tied'));
    expect(await codeOf(model.forward(BATCH, 1, { kl: true }))).toBe('REFERENCE_MISSING');
    await model.freezeReference();
    expect((await model.forward(BATCH, 1)).kls).toBeUndefined();
    expect(await codeOf(model.backward(none(BATCH), null, weights))).toBe('FORWARD_MISSING');
    await model.forward(BATCH, 1, { kl: true });
    expect(await codeOf(model.backward(none(BATCH), null, weights.slice(1)))).toBe('DERIVATIVE_COUNT');
    for (const change of [() => model.freezeReference(), () => model.mixReference(0.5)]) {
      await model.forward(BATCH, 1, { kl: true });
      await change();
      expect(await codeOf(model.backward(none(BATCH), null, weights))).toBe('FORWARD_MISSING');
    }
  });
});
