/** Every fixture model against transformers' own values, as a tree and each case alone. */
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';
import {
  alone,
  batchOf,
  byCompletion,
  loadModel,
  MODELS,
  sharedModel,
  tensorsOf,
} from '../support/models.js';
import { dot, maxDifference, norm, sum } from '../support/numbers.js';
import { readTensorFile, toBfloat16, writeTensorFile } from '../support/safetensors.js';

/** Absolute, logits and log-probs: what holds between two correct float32 implementations. */
const LOGIT_TOLERANCE = 2e-5;
/** Of the tensor's norm. */
const GRADIENT_TOLERANCE = 1e-4;

interface Case {
  ids: number[];
  last_logits: number[];
  logps_of_next: number[];
  entropies: number[];
  'logps_of_next_temperature_0.7': number[];
  'entropies_temperature_0.7': number[];
}

interface Reference {
  cases: Case[];
  grad_case: {
    ids: number[][];
    weights: number[][];
    loss: number;
    grads: Record<string, { norm: number; first: number[]; sum: number }>;
  };
  greedy: { prompt: number[]; completion: number[] }[];
}

const referenceOf = (name: string) =>
  JSON.parse(readFileSync(join(fixtureModel(name), 'reference.json'), 'utf8')) as Reference;

/** A sequence as a completion of its own first token. */
const afterFirst = (ids: number[]) => ({ prompt: ids.slice(0, 1), completions: [ids.slice(1)] });

describe.each(MODELS)('%s', (name) => {
  const model = sharedModel(name);
  const reference = referenceOf(name);

  it('gives the logits of the last token within 2e-5', async () => {
    for (const { ids, last_logits } of reference.cases) {
      const logits = await model().engine.logits(Int32Array.from(ids));
      expect(logits).toHaveLength(ids.length * last_logits.length);
      expect(maxDifference(logits.slice(-last_logits.length), last_logits)).toBeLessThan(LOGIT_TOLERANCE);
    }
  });

  describe.each([
    { temperature: 1, logps: 'logps_of_next', entropies: 'entropies' },
    { temperature: 0.7, logps: 'logps_of_next_temperature_0.7', entropies: 'entropies_temperature_0.7' },
  ] as const)('at temperature $temperature', ({ temperature, logps, entropies }) => {
    // One token more than the case has, so that the entropy after its last token is read too.
    const trees = reference.cases.map(({ ids }) => afterFirst([...ids, 0]));

    it.each([
      ['all in one tree', [batchOf(trees)]],
      ['each alone', alone(batchOf(trees))],
    ])('gives log-probs and entropies within 2e-5, %s', async (_, batches) => {
      const scores: (readonly [Float32Array, Float32Array])[] = [];
      for (const batch of batches) {
        const both = await model().score(batch, { temperature });
        const entropiesOf = byCompletion(both.entropies, batch);
        byCompletion(both.logps, batch).forEach((own, i) => scores.push([own, entropiesOf[i]!] as const));
      }
      reference.cases.forEach((expected, i) => {
        const [ownLogps, ownEntropies] = scores[i]!;
        expect(maxDifference(ownLogps.slice(0, -1), expected[logps])).toBeLessThan(LOGIT_TOLERANCE);
        expect(maxDifference(ownEntropies, expected[entropies])).toBeLessThan(LOGIT_TOLERANCE);
      });
    });
  });

  const { ids, weights, loss, grads } = reference.grad_case;
  const wholeBatch = batchOf(ids.map(afterFirst));
  it.each([
    ['all in one tree', [wholeBatch], [weights.flat()]],
    ['each alone', alone(wholeBatch), weights],
  ])('gives the gradient of every parameter within 1e-4 of its norm, %s', async (_, batches, derivatives) => {
    await model().engine.zeroGrad();
    let value = 0;
    for (const [i, batch] of batches.entries()) {
      const { logps } = await model().forward(batch, 1);
      value += dot(logps, derivatives[i]!);
      await model().backward(Float32Array.from(derivatives[i]!));
    }
    const weight = sum(weights.flat().map(Math.abs));
    expect(Math.abs(value - loss)).toBeLessThan(LOGIT_TOLERANCE * weight);

    const gradients = await tensorsOf(model(), 'grad');
    expect([...gradients.keys()].sort()).toEqual(Object.keys(grads).sort());
    for (const [parameter, expected] of Object.entries(grads)) {
      const gradient = gradients.get(parameter)!;
      const tolerance = GRADIENT_TOLERANCE * expected.norm;
      expect(Math.abs(norm(gradient) - expected.norm), `norm of ${parameter}`).toBeLessThan(tolerance);
      expect(
        maxDifference(gradient.slice(0, expected.first.length), expected.first),
        `first of ${parameter}`,
      ).toBeLessThan(tolerance);
      // Errors of norm t can add up to t sqrt(n) in the sum of n entries.
      expect(Math.abs(sum(gradient) - expected.sum), `sum of ${parameter}`).toBeLessThan(
        tolerance * Math.sqrt(gradient.length),
      );
    }
  });

  const prompts = reference.greedy.map(({ prompt }) => Int32Array.from(prompt));
  it.each([
    ['all in one tree', [prompts]],
    ['each alone', prompts.map((prompt) => [prompt])],
  ])('decodes greedily as transformers does, %s', async (_, steps) => {
    const completions = [];
    for (const own of steps) {
      const samples = await model().sample({
        prompts: own,
        promptIndices: own.map((_prompt, i) => i),
        numGenerations: 1,
        maxCompletionLength: reference.greedy[0]!.completion.length,
        seed: 0,
        step: 0,
        temperature: 0,
      });
      completions.push(...samples.completions.map((completion) => [...completion.ids]));
    }
    expect(completions).toEqual(reference.greedy.map(({ completion }) => completion));
  });
});

describe('bfloat16 weights in shards', () => {
  it('are the float32 weights rounded to the nearest bfloat16, exactly', async () => {
    const sharded = await loadModel(fixtureModel('qwen2-tied-bf16-sharded'));
    const plain = readTensorFile(join(fixtureModel('qwen2-tied'), 'model.safetensors')).tensors;
    const weights = await tensorsOf(sharded, 'weight');
    expect([...weights.keys()].sort()).toEqual([...plain.keys()].sort());
    for (const [name, values] of weights) expect(values, name).toEqual(toBfloat16(plain.get(name)!.values));
  });

  it('give bit for bit the logits of one float32 file with those weights', async () => {
    const folder = temporaryFolder();
    cpSync(fixtureModel('qwen2-tied-bf16-sharded'), folder, { recursive: true });
    for (const file of readdirSync(folder)) if (file.includes('.safetensors')) rmSync(join(folder, file));
    const { tensors } = readTensorFile(join(fixtureModel('qwen2-tied'), 'model.safetensors'));
    const rounded = [...tensors].map(
      ([name, { shape, values }]) => [name, { shape, values: toBfloat16(values) }] as const,
    );
    writeTensorFile(join(folder, 'model.safetensors'), new Map(rounded));

    const sharded = await loadModel(fixtureModel('qwen2-tied-bf16-sharded'));
    const single = await loadModel(folder);
    for (const { ids } of referenceOf('qwen2-tied').cases) {
      const tokens = Int32Array.from(ids);
      expect(await sharded.engine.logits(tokens)).toEqual(await single.engine.logits(tokens));
    }
  });
});
