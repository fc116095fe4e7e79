/** Computing in bfloat16, with weights that stay float32. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import { fixtureModel } from '../support/fixtures.js';
import { ADAMW, batchOf, loadModel, MODELS, tensorsOf, tokenCount } from '../support/models.js';
import { dot, norm, randomFloats, randomTokens } from '../support/numbers.js';
import { toBfloat16 } from '../support/safetensors.js';

/**
 * Nats, from float32. Measured on the four models, whose random weights make large logits:
 * log-probs 0.025 to 0.035 off in the mean and 0.14 at most, entropies 0.012 in the mean.
 */
const LOGP_MEAN = 0.07;
const LOGP_MAX = 0.3;
const ENTROPY_MEAN = 0.03;
/** Of the angle between the gradients; measured 0.998. */
const COSINE = 0.99;

const batch = batchOf(
  Array.from({ length: 4 }, (_, tree) => ({
    prompt: randomTokens(8, tree),
    completions: Array.from({ length: 4 }, (_unused, i) => randomTokens(6, 10 * tree + i)),
  })),
);

const mean = (values: number[]) => values.reduce((total, value) => total + value, 0) / values.length;
const gaps = (a: Float32Array, b: Float32Array) => [...a].map((value, i) => Math.abs(value - b[i]!));

async function bothOf(name: string): Promise<[LanguageModel, LanguageModel]> {
  return [await loadModel(fixtureModel(name)), await loadModel(fixtureModel(name), { dtype: 'bfloat16' })];
}

describe.each(MODELS)('%s in bfloat16', (name) => {
  it('gives log-probs and entropies near those of float32', async () => {
    const [full, half] = await bothOf(name);
    expect((await half.info()).dtype).toBe('bfloat16');
    const [expected, scores] = [await full.score(batch), await half.score(batch)];
    const logps = gaps(scores.logps, expected.logps);
    const entropies = gaps(scores.entropies, expected.entropies);
    expect(mean(logps)).toBeLessThan(LOGP_MEAN);
    expect(Math.max(...logps)).toBeLessThan(LOGP_MAX);
    expect(mean(entropies)).toBeLessThan(ENTROPY_MEAN);
    // Not float32 under another name.
    expect(mean(logps)).toBeGreaterThan(1e-4);
  });

  it('takes a training step in the direction of float32, on float32 weights', async () => {
    const [full, half] = await bothOf(name);
    const before = await tensorsOf(half, 'weight');
    expect(before).toEqual(await tensorsOf(full, 'weight'));
    for (const model of [full, half]) {
      await model.forward(batch, 1);
      await model.backward(randomFloats(tokenCount(batch), 1), randomFloats(tokenCount(batch), 2));
    }
    const [expected, gradients] = [await tensorsOf(full, 'grad'), await tensorsOf(half, 'grad')];
    let [product, own, other] = [0, 0, 0];
    for (const [parameter, gradient] of gradients) {
      product += dot(gradient, expected.get(parameter)!);
      own += norm(gradient) ** 2;
      other += norm(expected.get(parameter)!) ** 2;
    }
    const cosine = product / Math.sqrt(own * other);
    expect(cosine).toBeGreaterThan(COSINE);

    // Steps far smaller than bfloat16 could tell from none arrive in the weights.
    await half.optimizerStep({ ...ADAMW, learningRate: 1e-6 });
    const after = await tensorsOf(half, 'weight');
    let moved = 0;
    let entries = 0;
    for (const [parameter, weight] of after) {
      const old = before.get(parameter)!;
      moved += weight.filter((value, i) => value !== old[i]).length;
      entries += weight.length;
      expect(weight, parameter).not.toEqual(toBfloat16(weight));
    }
    expect(moved / entries).toBeGreaterThan(0.5);
  });
});

describe('bfloat16', () => {
  it('samples and scores alike, and learns', async () => {
    const model = await loadModel(fixtureModel('qwen2-tied'), { dtype: 'bfloat16' });
    const start = await model.score(batch);
    const sum = ({ logps }: { logps: Float32Array }) => logps.reduce((total, logp) => total + logp, 0);
    for (let step = 0; step < 5; step++) {
      await model.forward(batch, 1);
      await model.backward(new Float32Array(tokenCount(batch)).fill(-1));
      await model.optimizerStep(ADAMW);
    }
    expect(sum(await model.score(batch))).toBeGreaterThan(sum(start) + 20);
    const { completions } = await model.sample({
      prompts: batch.prompts,
      promptIndices: [0, 1, 2, 3],
      numGenerations: 8,
      maxCompletionLength: 8,
      seed: 1,
      step: 0,
      temperature: 1,
    });
    const again = batchOf(
      batch.prompts.map((prompt, p) => ({
        prompt,
        completions: completions.filter((completion) => completion.prompt === p).map(({ ids }) => ids),
      })),
    );
    const sampled = Float32Array.from(completions.flatMap(({ logps }) => [...logps]));
    const differences = gaps(sampled, (await model.score(again)).logps);
    expect(mean(differences)).toBeLessThan(LOGP_MEAN);
  });

  it('needs half the memory for its reference', async () => {
    const [full, half] = await bothOf('qwen2-tied');
    for (const model of [full, half]) await model.freezeReference();
    expect((await half.engine.memory()).reference).toBe((await full.engine.memory()).reference / 2);
  });
});

interface Scores {
  logps: number[][];
  entropies: number[][];
}
/** By `scripts/make-bfloat16-reference.py`, of the project's own fixtures, whatever the others are read from. */
interface Reference {
  temperature: number;
  sequences: number[][];
  float32: Scores;
  bfloat16: Scores;
}

describe.each(MODELS)('%s beside transformers in bfloat16', (name) => {
  it('is as near to it as that is to float32, and no further from float32 itself', async () => {
    const folder = join(import.meta.dirname, '../fixtures/models', name);
    const reference = JSON.parse(await readFile(join(folder, 'bfloat16.json'), 'utf8')) as Reference;
    const model = await loadModel(folder, { dtype: 'bfloat16' });
    const ours = await model.score(
      batchOf(reference.sequences.map(([first, ...rest]) => ({ prompt: [first!], completions: [rest] }))),
      { temperature: reference.temperature },
    );
    for (const kind of ['logps', 'entropies'] as const) {
      const theirs = Float32Array.from(reference.bfloat16[kind].flat());
      const exact = Float32Array.from(reference.float32[kind].flat());
      const theirError = mean(gaps(theirs, exact));
      expect(mean(gaps(ours[kind], theirs))).toBeLessThan(1.5 * theirError);
      expect(mean(gaps(ours[kind], exact))).toBeLessThan(1.1 * theirError);
    }
  });
});
