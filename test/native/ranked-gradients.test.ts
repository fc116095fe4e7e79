/** The gradients that ranks compute of their shares add up to that of the whole batch. */
import { describe, expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import { rankedModel } from '../../src/model/ranked-model.js';
import { LocalRanks } from '../support/local-ranks.js';
import { batchOf, loadModel, tensorsOf, tokenCount } from '../support/models.js';
import { fixtureModel } from '../support/fixtures.js';
import { norm, randomFloats, randomTokens } from '../support/numbers.js';

/** Of the norm of the whole gradient. */
const TOLERANCE = 1e-5;

const batch = batchOf(
  [5, 9, 4].map((length, prompt) => ({
    prompt: [...randomTokens(length, prompt)],
    completions: Array.from({ length: 4 }, (_, i) => randomTokens(1 + ((prompt + i) % 5), 10 * prompt + i)),
  })),
);
const derivatives = randomFloats(tokenCount(batch), 1);
const ofEntropies = randomFloats(tokenCount(batch), 2);

const open = async (): Promise<LanguageModel> => {
  const model = await loadModel(fixtureModel('qwen2-tied'));
  await model.freezeReference();
  return model;
};

describe('gradients of ranks', () => {
  it.each([2, 3, 4, 13])('add up to the whole: %i ranks', async (size) => {
    const alone = await open();
    const scores = await alone.forward(batch, 0.7, { kl: true });
    await alone.backward(derivatives, ofEntropies, derivatives);
    const whole = await tensorsOf(alone, 'grad');

    const models: LanguageModel[] = [];
    const all = await Promise.all(
      LocalRanks.group(size).map(async (ranks) => {
        const model = rankedModel((models[ranks.rank] = await open()), ranks);
        const own = await model.forward(batch, 0.7, { kl: true });
        await model.backward(derivatives, ofEntropies, derivatives);
        return own;
      }),
    );
    // All have the log-probabilities of all, to the last bit.
    for (const own of all)
      for (const kind of ['logps', 'entropies', 'kls'] as const) {
        expect(own[kind]).toEqual(all[0]![kind]);
        expect(norm(own[kind]!.map((value, i) => value - scores[kind]![i]!))).toBeLessThanOrEqual(
          TOLERANCE * Math.max(1, norm(scores[kind]!)),
        );
      }
    const parts = await Promise.all(models.map((model) => tensorsOf(model, 'grad')));
    for (const [name, values] of whole) {
      const gap = values.map((value, i) => parts.reduce((sum, part) => sum - part.get(name)![i]!, value));
      expect(norm(gap), name).toBeLessThanOrEqual(TOLERANCE * Math.max(norm(values), 1e-3));
    }
  });
});
