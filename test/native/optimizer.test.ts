/** AdamW, clipping and accumulation on the engine against plain arithmetic in float64. */
import { describe, expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import type { Batch, OptimizerOptions } from '../../src/engine/types.js';
import { PlainAdamW } from '../support/adamw.js';
import { fixtureModel } from '../support/fixtures.js';
import { ADAMW, batchOf, loadModel, tensorsOf, tokenCount } from '../support/models.js';
import { maxDifference, norm, randomFloats, randomTokens, relativeDifference } from '../support/numbers.js';

/** Absolute, weights of about 0.2 after four steps. */
const WEIGHT_TOLERANCE = 2e-6;
/** Of the tensor's norm. */
const GRADIENT_TOLERANCE = 1e-5;

const load = () => loadModel(fixtureModel('qwen2-tied'));

const batchFrom = (seed: number): Batch =>
  batchOf([
    {
      prompt: randomTokens(5, seed),
      completions: [randomTokens(4, seed + 1), randomTokens(7, seed + 2), randomTokens(1, seed + 3)],
    },
  ]);

async function learnFrom(model: LanguageModel, batch: Batch, seed: number) {
  await model.forward(batch, 1);
  await model.backward(randomFloats(tokenCount(batch), seed));
}

const inDoubles = (tensors: Map<string, Float32Array>) =>
  new Map([...tensors].map(([name, values]) => [name, Float64Array.from(values)]));

describe('AdamW', () => {
  it.each<[string, Partial<OptimizerOptions>]>([
    ['plain', {}],
    ['with decay of every weight', { weightDecay: 0.1 }],
    [
      'with decay but for some',
      { weightDecay: 0.3, noWeightDecay: ['model.norm.weight', 'model.layers.0.self_attn.q_proj.bias'] },
    ],
    ['clipped', { maxGradNorm: 0.5, weightDecay: 0.01 }],
    ['below the norm to clip at', { maxGradNorm: 1e6 }],
    ['with other constants', { learningRate: 3e-3, beta1: 0.8, beta2: 0.95, eps: 1e-6 }],
  ])('takes the steps of float64 AdamW on its own gradients within 2e-6: %s', async (_, some) => {
    const model = await load();
    const plain = new PlainAdamW(inDoubles(await tensorsOf(model, 'weight')));
    for (let step = 0; step < 4; step++) {
      // A rate that changes from step to step, as a schedule's does.
      const options = { ...ADAMW, ...some };
      options.learningRate *= 1 - step / 4;
      await learnFrom(model, batchFrom(step), step);
      const expected = plain.step(await tensorsOf(model, 'grad'), options);
      const gradNorm = await model.optimizerStep(options);
      expect(Math.abs(gradNorm / expected - 1)).toBeLessThan(1e-6);
    }
    for (const [name, weight] of await tensorsOf(model, 'weight'))
      expect(maxDifference(weight, plain.weights.get(name)!), name).toBeLessThan(WEIGHT_TOLERANCE);
  });

  it('applies nothing of a gradient that is no number, and goes on as if it had not been', async () => {
    const [model, other] = [await load(), await load()];
    await learnFrom(other, batchFrom(1), 1);
    const expected = await other.optimizerStep(ADAMW);
    await model.forward(batchFrom(0), 1);
    await model.backward(randomFloats(tokenCount(batchFrom(0)), 0).fill(Infinity, 3, 4));
    expect(await model.optimizerStep(ADAMW)).toBeNaN();
    await learnFrom(model, batchFrom(1), 1);
    expect(await model.optimizerStep(ADAMW)).toBe(expected);
    expect(await tensorsOf(model, 'weight')).toEqual(await tensorsOf(other, 'weight'));
    expect(await tensorsOf(model, 'exp_avg_sq')).toEqual(await tensorsOf(other, 'exp_avg_sq'));
  });

  it('forgets what it has done when it is told to', async () => {
    const [model, other] = [await load(), await load()];
    await learnFrom(model, batchFrom(0), 0);
    await model.optimizerStep({ ...ADAMW, learningRate: 0 });
    await model.resetOptimizer();
    for (const one of [model, other]) {
      await learnFrom(one, batchFrom(1), 1);
      await one.optimizerStep(ADAMW);
    }
    expect(await tensorsOf(model, 'weight')).toEqual(await tensorsOf(other, 'weight'));
  });

  it('clips what moves the weights, and tells the norm before', async () => {
    const [clipped, free] = [await load(), await load()];
    for (const model of [clipped, free]) await learnFrom(model, batchFrom(0), 1);
    const total = norm([...(await tensorsOf(free, 'grad')).values()].map(norm));
    expect(total).toBeGreaterThan(1);
    expect(await clipped.optimizerStep({ ...ADAMW, maxGradNorm: 0.01 })).toBe(
      await free.optimizerStep(ADAMW),
    );
    // AdamW's first moment shows by how much the gradient was cut.
    const mean = async (model: LanguageModel) =>
      norm([...(await tensorsOf(model, 'exp_avg')).values()].map(norm));
    expect((await mean(clipped)) / (await mean(free))).toBeCloseTo(0.01 / total, 6);
    expect(await mean(clipped)).toBeCloseTo(0.1 * 0.01, 7);
  });

  it('forgets the gradients after a step, and decays without any', async () => {
    const model = await load();
    await learnFrom(model, batchFrom(0), 1);
    await model.optimizerStep(ADAMW);
    for (const [name, gradient] of await tensorsOf(model, 'grad')) expect(norm(gradient), name).toBe(0);

    const fresh = await load();
    const before = await tensorsOf(fresh, 'weight');
    expect(await fresh.optimizerStep({ ...ADAMW, weightDecay: 0.5, learningRate: 0.1 })).toBe(0);
    for (const [name, weight] of await tensorsOf(fresh, 'weight'))
      expect(
        relativeDifference(
          weight,
          before.get(name)!.map((value) => value * 0.95),
        ),
      ).toBeLessThan(1e-6);
  });
});

describe('gradients', () => {
  it('of two backwards add up to those of one batch, within 1e-5', async () => {
    const model = await load();
    const [one, other] = [batchFrom(10), batchFrom(20)];
    const both: Batch = {
      prompts: [...one.prompts, ...other.prompts],
      completions: [...one.completions, ...other.completions],
      promptOf: Int32Array.of(
        ...one.promptOf,
        ...other.promptOf.map((prompt) => prompt + one.prompts.length),
      ),
    };
    const derivatives = randomFloats(tokenCount(both), 5);
    await model.forward(both, 0.7);
    await model.backward(derivatives);
    const together = await tensorsOf(model, 'grad');

    await model.engine.zeroGrad();
    for (const [batch, begin] of [
      [one, 0],
      [other, tokenCount(one)],
    ] as const) {
      await model.forward(batch, 0.7);
      await model.backward(derivatives.slice(begin, begin + tokenCount(batch)));
    }
    for (const [name, gradient] of await tensorsOf(model, 'grad'))
      expect(relativeDifference(gradient, together.get(name)!), name).toBeLessThan(GRADIENT_TOLERANCE);
  });

  it('of an entropy agree with finite differences of it along themselves, within 1%', async () => {
    const model = await load();
    const batch = batchFrom(30);
    const dEntropies = randomFloats(tokenCount(batch), 6);
    const value = async () => {
      const { entropies } = await model.score(batch, { temperature: 0.7 });
      return entropies.reduce((total, entropy, i) => total + entropy * dEntropies[i]!, 0);
    };
    await model.forward(batch, 0.7);
    await model.backward(new Float32Array(dEntropies.length), dEntropies);
    const gradients = await tensorsOf(model, 'grad');
    const before = await value();
    const total = norm([...gradients.values()].map(norm));
    // One step of plain descent: with both betas 0 and a huge eps AdamW moves by rate * g / eps.
    const eps = 1e6;
    const move = 1e-3;
    await model.optimizerStep({ ...ADAMW, beta1: 0, beta2: 0, eps, learningRate: (move / total) * eps });
    expect(((await value()) - before) / (-move * total)).toBeCloseTo(1, 2);
  });

  it('with respect to the reference are none: it stays as it was frozen', async () => {
    const model = await load();
    await model.freezeReference();
    const batch = batchFrom(1);
    const before = await model.score(batch, { which: 'reference' });
    expect(before).toEqual(await model.score(batch));
    await learnFrom(model, batch, 1);
    await model.optimizerStep(ADAMW);
    expect(await model.score(batch, { which: 'reference' })).toEqual(before);
    expect(await model.score(batch)).not.toEqual(before);
  });
});
