/** Low-rank adapters against PEFT, and against the model without them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseModelConfig } from '../../src/model/config.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import { engineLora } from '../../src/model/lora.js';
import { locateTensors } from '../../src/model/safetensors.js';
import { codeOf, fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { ADAMW, batchOf, loadModel, MODELS, randomModel, tensorsOf } from '../support/models.js';
import { maxDifference, randomFloats, relativeDifference } from '../support/numbers.js';
import { readTensorFile } from '../support/safetensors.js';

interface Reference {
  temperature: number;
  prompts: number[][];
  completions: number[][][];
  weights: number[];
  logps: number[];
  logps_without: number[];
  optimizer: { lr: number; betas: [number, number]; eps: number; weight_decay: number; max_norm: number };
  grad_norms: number[];
}

const CASES = [
  ...MODELS.map((model) => `${model}/lora`),
  'qwen2-tied/rslora',
  'qwen2-tied-bf16-sharded/lora',
];

function caseOf(name: string) {
  const [model, kind] = name.split('/') as [string, string];
  const folder = join(fixtureModel(model), kind);
  const reference = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as Reference;
  const batch = batchOf(
    reference.prompts.map((prompt, i) => ({ prompt, completions: reference.completions[i]! })),
  );
  const tensors = (file: string) =>
    new Map([...readTensorFile(join(folder, file)).tensors].map(([key, { values }]) => [key, values]));
  return { model: fixtureModel(model), folder, reference, batch, tensors };
}

/** The tensors of what learns. */
async function learning(model: LanguageModel, kind: 'weight' | 'grad') {
  const names = (await model.engine.parameters()).filter(({ trainable }) => trainable);
  const values = await Promise.all(names.map(({ name }) => model.engine.tensor(name, kind)));
  return new Map(names.map(({ name }, i) => [name, values[i]!]));
}

/**
 * The gradients of adapters are those of the weights that they add to. Of W + s B A: dL/dB = s dL/dW A^T and
 * dL/dA = s B^T dL/dW.
 * @param whole the same model, merged, whose weights have gradients
 */
async function expectGradientsOf(model: LanguageModel, whole: LanguageModel): Promise<void> {
  const { r } = model.lora!;
  const { scale } = engineLora(model.lora!, 0);
  const parameters = await whole.engine.parameters();
  const gradients = await learning(model, 'grad');
  const adapter = await learning(model, 'weight');
  for (const [name, a] of adapter) {
    if (!name.endsWith('.lora_A.weight')) continue;
    const ofB = name.replace('lora_A', 'lora_B');
    const b = adapter.get(ofB)!;
    const of = name.replace('base_model.model.', '').replace('.lora_A', '');
    const [out, inputs] = parameters.find((parameter) => parameter.name === of)!.shape as [number, number];
    const g = await whole.engine.tensor(of, 'grad');
    const expectedA = new Float64Array(r * inputs);
    const expectedB = new Float64Array(out * r);
    for (let row = 0; row < out; row++)
      for (let column = 0; column < inputs; column++)
        for (let k = 0; k < r; k++) {
          const derivative = scale * g[row * inputs + column]!;
          expectedB[row * r + k]! += derivative * a[k * inputs + column]!;
          expectedA[k * inputs + column]! += derivative * b[row * r + k]!;
        }
    expect(relativeDifference(gradients.get(name)!, expectedA), name).toBeLessThan(1e-4);
    expect(relativeDifference(gradients.get(ofB)!, expectedB), ofB).toBeLessThan(1e-4);
  }
}

const LORA = { r: 3, alpha: 6, targetModules: null, rslora: false };

describe.each(CASES)("PEFT's adapter %s", (name) => {
  const { model: base, folder, reference, batch, tensors } = caseOf(name);
  const { temperature } = reference;
  const weights = Float32Array.from(reference.weights);

  it('gives its log-probs, and without it those of the model', async () => {
    const model = await loadModel(base, { adapter: folder });
    const { logps } = await model.score(batch, { temperature });
    expect(maxDifference(logps, reference.logps)).toBeLessThan(2e-5);
    await model.freezeReference();
    const off = await model.score(batch, { which: 'reference', temperature });
    expect(maxDifference(off.logps, reference.logps_without)).toBeLessThan(2e-5);
    const plain = await loadModel(base);
    expect(off.logps).toEqual((await plain.score(batch, { temperature })).logps);
  });

  it('has its gradients, and learns as with torch.optim.AdamW', async () => {
    const model = await loadModel(base, { adapter: folder });
    await model.freezeReference();
    const frozen = await tensorsOf(model, 'weight');
    const { lr, betas, eps, weight_decay: weightDecay, max_norm: maxGradNorm } = reference.optimizer;
    for (const [step, norm] of reference.grad_norms.entries()) {
      await model.forward(batch, temperature);
      await model.backward(weights);
      if (step === 0) {
        const gradients = await learning(model, 'grad');
        expect([...gradients.keys()].sort()).toEqual([...tensors('grads.safetensors').keys()].sort());
        for (const [key, expected] of tensors('grads.safetensors'))
          expect(relativeDifference(gradients.get(key)!, expected), key).toBeLessThan(1e-4);
      }
      const options = {
        ...ADAMW,
        learningRate: lr,
        beta1: betas[0],
        beta2: betas[1],
        eps,
        weightDecay,
        maxGradNorm,
      };
      const given = await model.optimizerStep(options);
      expect(Math.abs(given - norm) / norm).toBeLessThan(1e-4);
    }
    const after = await tensorsOf(model, 'weight');
    for (const [key, expected] of tensors('after.safetensors'))
      expect(maxDifference(after.get(key)!, expected), key).toBeLessThan(2e-5);
    for (const [key, values] of frozen)
      if (!tensors('after.safetensors').has(key)) expect(after.get(key), key).toEqual(values);
    const off = await model.score(batch, { which: 'reference', temperature });
    const plain = await loadModel(base);
    expect(off.logps).toEqual((await plain.score(batch, { temperature })).logps);
  });

  it('has the KL to the model without it, and its gradient, of the merged weights', async () => {
    const model = await loadModel(base, { adapter: folder });
    await model.freezeReference();
    const { kls } = await model.forward(batch, temperature, { kl: true });
    const none = new Float32Array(weights.length);
    await model.backward(none, null, weights);

    const whole = await loadModel(base);
    await whole.freezeReference();
    const merged = join(temporaryFolder(), 'merged');
    await model.saveMerged(merged);
    const locations = await locateTensors(merged, whole.config);
    await whole.engine.readTensors(locations.map((location) => ({ ...location, kind: 'weight' })));
    const expected = await whole.forward(batch, temperature, { kl: true });
    expect(maxDifference(kls!, expected.kls!)).toBeLessThan(2e-5);
    expect(Math.max(...kls!)).toBeGreaterThan(0.01);
    await whole.backward(none, null, weights);

    await expectGradientsOf(model, whole);
  });

  it('is merged as there', async () => {
    const model = await loadModel(base, { adapter: folder });
    for (const [key, expected] of tensors('merged.safetensors'))
      expect(maxDifference(await model.engine.tensor(key, 'merged'), expected), key).toBeLessThan(1e-6);
    const merged = join(temporaryFolder(), 'merged');
    await model.saveMerged(merged);
    const { logps } = await (await loadModel(merged)).score(batch, { temperature });
    expect(maxDifference(logps, reference.logps)).toBeLessThan(2e-5);
  });

  it('is written as it was read', async () => {
    const model = await loadModel(base, { adapter: folder });
    const saved = join(temporaryFolder(), 'adapter');
    await model.save(saved);
    const read = await loadModel(saved);
    expect(read.lora).toEqual(model.lora);
    expect(await learning(read, 'weight')).toEqual(tensors('adapter_model.safetensors'));
  });
});

describe('new adapters', () => {
  const { model: base, batch } = caseOf('qwen2-tied/lora');

  it('change nothing until they have learned', async () => {
    const [plain, adapted] = [await loadModel(base), await loadModel(base, { lora: LORA })];
    for (const temperature of [1, 0.7])
      expect((await adapted.score(batch, { temperature })).logps).toEqual(
        (await plain.score(batch, { temperature })).logps,
      );
  });

  it('are drawn by their seed, A alone', async () => {
    const of = async (loraSeed: number) =>
      learning(await loadModel(base, { lora: LORA, loraSeed }), 'weight');
    const [one, same, other] = [await of(1), await of(1), await of(2)];
    expect(one).toEqual(same);
    for (const [name, values] of one) {
      if (name.includes('lora_B')) expect(values.every((value) => value === 0)).toBe(true);
      else expect(values).not.toEqual(other.get(name));
    }
    // Uniform in ±1 / sqrt(in), of 64 inputs.
    const a = one.get('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight')!;
    expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(1 / 8);
    expect(Math.max(...a.map(Math.abs))).toBeGreaterThan(0.9 / 8);
  });

  it('alone have gradients and moments, and the reference takes nothing', async () => {
    const model = await loadModel(base, { lora: LORA });
    await model.freezeReference();
    await model.forward(batch, 1);
    await model.backward(
      new Float32Array(batch.completions.reduce((sum, { length }) => sum + length, 0)).fill(1),
    );
    const parameters = await model.engine.parameters();
    const numbers = parameters
      .filter(({ trainable }) => trainable)
      .reduce((sum, { shape: [rows, columns] }) => sum + rows! * columns!, 0);
    const gradients = (await model.engine.memory()).gradients;
    await model.optimizerStep(ADAMW);
    expect({ ...(await model.engine.memory()), gradients }).toMatchObject({
      reference: 0,
      gradients: 4 * numbers,
      optimizer: 8 * numbers,
    });
    const frozen = parameters.find(({ trainable }) => !trainable)!.name;
    expect(await codeOf(() => model.engine.tensor(frozen, 'grad'))).toBe('TENSOR_UNKNOWN');
    expect(await codeOf(() => model.mixReference(0.5))).toBe('BAD_ARGUMENT');
  });

  it('leave a bfloat16 checkpoint as it is in memory', async () => {
    const folder = fixtureModel('qwen2-tied-bf16-sharded');
    const [plain, adapted] = [await loadModel(folder), await loadModel(folder, { lora: LORA })];
    const matrices = (await plain.engine.parameters()).filter(({ shape }) => shape.length === 2);
    const saved = matrices.reduce((sum, { shape: [rows, columns] }) => sum + 2 * rows! * columns!, 0);
    const adapters = [...(await learning(adapted, 'weight')).values()].reduce(
      (sum, { length }) => sum + 4 * length,
      0,
    );
    expect((await adapted.engine.memory()).policy).toBe(
      (await plain.engine.memory()).policy - saved + adapters,
    );
    expect((await adapted.score(batch, { temperature: 1 })).logps).toEqual(
      (await plain.score(batch, { temperature: 1 })).logps,
    );
  });

  it('have no reference that could be saved, read or copied', async () => {
    const model = await loadModel(base, { lora: LORA });
    await model.freezeReference();
    const file = join(temporaryFolder(), 'reference.safetensors');
    expect(await codeOf(() => model.saveReference(file))).toBe('BAD_ARGUMENT');
    expect(await codeOf(() => model.snapshot({ reference: true }))).toBe('BAD_ARGUMENT');
    const whole = await loadModel(base);
    await whole.freezeReference();
    await whole.saveReference(file);
    expect(await codeOf(() => model.loadReference(file))).toBe('BAD_ARGUMENT');
  });

  // Wider than what the engine widens of a bfloat16 matrix at a time, and with more rows than its kernel for few takes.
  it('learn as the weights do under a large vocabulary that is kept in bfloat16', async () => {
    const config = parseModelConfig({
      model_type: 'qwen2',
      vocab_size: 40_000,
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 1,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      tie_word_embeddings: true,
    });
    const ids = Array.from({ length: 60 }, (_, i) => (i * 7919) % config.vocabSize);
    const large = batchOf([0, 1, 2].map((i) => ({ prompt: [i + 1], completions: [ids.slice(i)] })));
    const derivatives = randomFloats(60 + 59 + 58, 3);
    const [plain, adapted] = [await randomModel(config), await randomModel(config, { lora: LORA })];
    const expected = await plain.forward(large, 0.8);
    const { logps } = await adapted.forward(large, 0.8);
    expect(maxDifference(logps, expected.logps)).toBeLessThan(2e-6);
    await plain.backward(derivatives);
    await adapted.backward(derivatives);
    await expectGradientsOf(adapted, plain);
  });

  it.each([0.7, 1])('are scored as they were sampled with, at temperature %d', async (temperature) => {
    const model = await loadModel(base, { adapter: caseOf('qwen2-tied/lora').folder });
    const prompts = [
      [5, 6, 7, 8],
      [5, 6, 9],
    ].map((ids) => Int32Array.from(ids));
    const { completions } = await model.sample({
      prompts,
      promptIndices: [0, 1],
      numGenerations: 8,
      maxCompletionLength: 6,
      temperature,
      seed: 1,
      step: 1,
      keepActivations: true,
    });
    const drawn = {
      prompts,
      completions: completions.map(({ ids }) => ids),
      promptOf: Int32Array.from(completions, ({ prompt }) => prompt),
    };
    const logps = completions.flatMap((one) => [...one.logps]);
    const kept = await model.forward(drawn, temperature);
    expect(kept.computed).toBe(0);
    expect(maxDifference(kept.logps, logps)).toBeLessThan(2e-5);
    // What sampling kept has to serve the backward of adapters too.
    const derivatives = randomFloats(logps.length, 1);
    await model.backward(derivatives);
    const ofKept = await learning(model, 'grad');
    await model.zeroGrad();
    const anew = await model.forward(drawn, temperature);
    expect(anew.computed).toBe(anew.nodes);
    expect(maxDifference(anew.logps, logps)).toBeLessThan(2e-5);
    await model.backward(derivatives);
    for (const [key, gradient] of await learning(model, 'grad'))
      expect(relativeDifference(ofKept.get(key)!, gradient), key).toBeLessThan(1e-4);
  });
});
