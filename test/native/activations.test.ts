/** What sampling computed serves the training forward: the same numbers, computed once. */
import { describe, expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import type { Batch } from '../../src/engine/types.js';
import { ADAMW, sharedModel, tensorsOf, tokenCount } from '../support/models.js';
import { maxDifference, randomFloats, randomTokens, relativeDifference } from '../support/numbers.js';

/** Absolute, log-probs and entropies: the same sums over other numbers of rows. */
const SCORE_TOLERANCE = 1e-5;
/** Of a tensor's norm. */
const GRADIENT_TOLERANCE = 2e-5;
const TEMPERATURE = 0.8;

const prompts = [randomTokens(5, 1), randomTokens(9, 2)].map((ids) => Int32Array.from(ids));

/** Completions of both prompts, sampled by the policy. */
async function sampled(model: LanguageModel, keepActivations: boolean): Promise<Batch> {
  const { completions } = await model.sample({
    prompts,
    promptIndices: [0, 1],
    numGenerations: 6,
    maxCompletionLength: 7,
    seed: 5,
    step: 1,
    temperature: TEMPERATURE,
    keepActivations,
  });
  return {
    prompts,
    completions: completions.map(({ ids }) => ids),
    promptOf: Int32Array.from(completions, ({ prompt }) => prompt),
  };
}

async function learnFrom(model: LanguageModel, batch: Batch) {
  const scores = await model.forward(batch, TEMPERATURE);
  const count = tokenCount(batch);
  await model.backward(randomFloats(count, 3), randomFloats(count, 4));
  return { scores, gradients: await tensorsOf(model, 'grad') };
}

/** @param expected `predicted`: whether any row of the vocabulary had to be computed */
async function expectSame(
  model: LanguageModel,
  choose: (batch: Batch) => Batch,
  expected: { computed: number; predicted: boolean },
) {
  const batch = choose(await sampled(model, false));
  await model.engine.zeroGrad();
  const plain = await learnFrom(model, batch);
  expect(plain.scores.computed).toBe(plain.scores.nodes);
  await model.engine.zeroGrad();

  expect(choose(await sampled(model, true))).toEqual(batch);
  const again = await learnFrom(model, batch);
  expect(again.scores).toMatchObject({ nodes: plain.scores.nodes, computed: expected.computed });
  expect(again.scores.predicted).toBe(expected.predicted ? plain.scores.predicted : 0);
  expect(plain.scores.predicted).toBeGreaterThan(0);
  expect(maxDifference(again.scores.logps, plain.scores.logps)).toBeLessThan(SCORE_TOLERANCE);
  expect(maxDifference(again.scores.entropies, plain.scores.entropies)).toBeLessThan(SCORE_TOLERANCE);
  for (const [name, gradient] of plain.gradients) {
    if (!gradient.some((value) => Math.abs(value) > 1e-4)) continue; // k_proj.bias: rounding alone
    expect(relativeDifference(again.gradients.get(name)!, gradient), name).toBeLessThan(GRADIENT_TOLERANCE);
  }
}

const part = ({ completions, promptOf }: Batch, from: number, to: number): Batch => ({
  prompts,
  completions: completions.slice(from, to),
  promptOf: promptOf.slice(from, to),
});

describe.each(['qwen2-tied', 'qwen3-tied', 'llama-tied'])('a forward of what %s sampled', (name) => {
  const model = sharedModel(name);

  it('computes nothing and learns the same', () =>
    expectSame(model(), (batch) => batch, { computed: 0, predicted: false }));

  it('learns the same from some of the completions', () =>
    expectSame(model(), (batch) => part(batch, 4, 9), { computed: 0, predicted: false }));

  it('computes what was never sampled beside it', () =>
    expectSame(
      model(),
      (batch) => {
        const drawn = new Set(batch.completions.map(([first]) => first));
        const other = Array.from({ length: 96 }, (_, token) => token).find((token) => !drawn.has(token))!;
        return {
          prompts,
          completions: [
            ...batch.completions,
            Int32Array.from([other, 8, 9]),
            batch.completions[0]!.slice(0, 2),
          ],
          promptOf: Int32Array.from([...batch.promptOf, 1, 0]),
        };
      },
      { computed: 2, predicted: true }, // what comes last predicts nothing
    ));

  it('asks the vocabulary again at another temperature', async () => {
    const batch = await sampled(model(), true);
    const scores = await model().forward(batch, 1);
    expect(scores.computed).toBe(0);
    const plain = await model().score(batch, { temperature: 1 });
    expect(scores.predicted).toBe(plain.predicted);
    expect(maxDifference(scores.logps, plain.logps)).toBeLessThan(SCORE_TOLERANCE);
    expect(maxDifference(scores.entropies, plain.entropies)).toBeLessThan(SCORE_TOLERANCE);
  });

  it('computes all of it once the weights have changed', async () => {
    const batch = await sampled(model(), true);
    await model().optimizerStep({ ...ADAMW, learningRate: 0 });
    const scores = await model().forward(batch, TEMPERATURE);
    expect(scores.computed).toBe(scores.nodes);
  });

  it('computes all of it after another sampling that kept nothing', async () => {
    const batch = await sampled(model(), true);
    await sampled(model(), false);
    const scores = await model().forward(batch, TEMPERATURE);
    expect(scores.computed).toBe(scores.nodes);
  });
});

describe('completions that the loss does not depend on', () => {
  const model = sharedModel('qwen2-tied');

  it('change no gradient, whether they are among the batch or not', async () => {
    const all = await sampled(model(), false);
    const own = randomFloats(tokenCount(all), 9);
    const counts = all.completions.map(({ length }) => length);
    const begins = counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
    // The first prompt's six, and one of the second's, bring nothing.
    const kept = counts.map((_, i) => i).filter((i) => i > 6);
    const sparse = own.map((value, token) => (token < begins[7]! ? 0 : value));

    await model().engine.zeroGrad();
    await model().forward(all, TEMPERATURE);
    await model().backward(sparse);
    const among = await tensorsOf(model(), 'grad');

    await model().engine.zeroGrad();
    await model().forward(part(all, kept[0]!, counts.length), TEMPERATURE);
    await model().backward(own.slice(begins[7]));
    for (const [name, gradient] of await tensorsOf(model(), 'grad')) {
      if (!gradient.some((value) => Math.abs(value) > 1e-4)) continue;
      expect(relativeDifference(among.get(name)!, gradient), name).toBeLessThan(GRADIENT_TOLERANCE);
    }
  });
});
