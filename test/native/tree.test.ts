/** The token tree is exact: a batch gives what each of its completions gives alone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import type { Batch } from '../../src/engine/types.js';
import {
  alone,
  batchOf,
  byCompletion,
  sharedModel,
  tensorsOf,
  tokenCount,
  type Tree,
} from '../support/models.js';
import { maxDifference, norm, randomFloats, relativeDifference } from '../support/numbers.js';

/** Absolute, log-probs and entropies. */
const SCORE_TOLERANCE = 2e-5;
/** Of the value, where that is more: a log-prob of -8 has 20 roundings of float32 in 2e-5, one of -1 has 170. */
const RELATIVE_TOLERANCE = 3e-6;
/** Of the tensor's norm. */
const GRADIENT_TOLERANCE = 1e-4;

const VOCAB = 96;
const FULL_LENGTH = 40;

/** Few distinct tokens make shared prefixes and duplicates likely, all of them make forks early. */
const alphabet = fc.constantFrom(2, 3, VOCAB);
const tokens = (symbols: number, maxLength: number) =>
  fc.array(fc.nat(symbols - 1), { minLength: 1, maxLength });

const completion = (symbols: number, earlier: fc.Arbitrary<number[]>) =>
  fc.oneof(
    { weight: 3, arbitrary: tokens(symbols, 8) },
    { weight: 1, arbitrary: tokens(symbols, 1) },
    {
      weight: 1,
      arbitrary: fc.array(fc.nat(symbols - 1), { minLength: FULL_LENGTH, maxLength: FULL_LENGTH }),
    },
    { weight: 1, arbitrary: earlier },
  );

const tree: fc.Arbitrary<Tree> = alphabet.chain((symbols) =>
  tokens(symbols, 6).chain((stem) =>
    fc.record({
      prompt: tokens(symbols, 36),
      completions: fc.array(
        // A stem that several completions go on from, or stop at.
        completion(
          symbols,
          tokens(symbols, 4).map((rest) => [...stem, ...rest]),
        ),
        { minLength: 1, maxLength: 6 },
      ),
    }),
  ),
);

/** Trees that have something to do with each other. */
const forest: fc.Arbitrary<Tree[]> = fc
  .tuple(
    fc.array(tree, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('apart', 'same', 'prefix', 'through'),
  )
  .map(([trees, kin]) => {
    const [first, second] = [trees[0]!, trees[1]];
    const prompt = Array.from(first.prompt);
    const own = Array.from(first.completions[0]!);
    if (second && kin === 'same') second.prompt = prompt;
    if (second && kin === 'prefix') second.prompt = [...prompt, ...Array.from(second.prompt)];
    // The second prompt is the first and part of a completion of it.
    if (second && kin === 'through') second.prompt = [...prompt, ...own.slice(0, Math.ceil(own.length / 2))];
    // A duplicate in every batch.
    first.completions.push(own);
    return trees;
  });

/** Pairs of scores that differ by more than rounding. */
function beyondRounding(actual: ArrayLike<number>, expected: ArrayLike<number>): [number, number][] {
  return Array.from(expected, (value, i): [number, number] => [actual[i]!, value]).filter(
    ([a, b]) => !(Math.abs(a - b) < Math.max(SCORE_TOLERANCE, RELATIVE_TOLERANCE * Math.abs(b))),
  );
}

function distinctPrefixes(batch: Batch): number {
  const prefixes = new Set<string>();
  const add = (ids: number[]) => ids.forEach((_, i) => prefixes.add(ids.slice(0, i + 1).join()));
  for (const prompt of batch.prompts) add([...prompt]);
  // What comes last in a completion predicts nothing.
  batch.completions.forEach((ids, i) => add([...batch.prompts[batch.promptOf[i]!]!, ...ids.slice(0, -1)]));
  return prefixes.size;
}

/** Gradients of a batch, and of its completions one by one added up. */
async function gradientsBothWays(model: LanguageModel, batch: Batch, seed: number, temperature: number) {
  const count = tokenCount(batch);
  const dLogps = randomFloats(count, seed);
  const dEntropies = randomFloats(count, seed + 1);
  await model.engine.zeroGrad();
  const whole = await model.forward(batch, temperature);
  await model.backward(dLogps, dEntropies);
  const together = await tensorsOf(model, 'grad');

  await model.engine.zeroGrad();
  const ownLogps = byCompletion(dLogps, batch);
  const ownEntropies = byCompletion(dEntropies, batch);
  const parts = [];
  for (const [i, single] of alone(batch).entries()) {
    parts.push(await model.forward(single, temperature));
    await model.backward(ownLogps[i]!, ownEntropies[i]);
  }
  return { whole, together, parts, apart: await tensorsOf(model, 'grad') };
}

describe.each(['qwen2-tied', 'qwen3-tied', 'llama-tied'])('a random forest on %s', (name) => {
  const model = sharedModel(name);

  it(`gives each completion's scores within 2e-5 (3e-6 of values beyond 6.7) and the gradients' sum within 1e-4`, async () => {
    await fc.assert(
      fc.asyncProperty(forest, fc.nat(1e6), fc.constantFrom(0.7, 1), async (trees, seed, temperature) => {
        const batch = batchOf(trees);
        const { whole, together, parts, apart } = await gradientsBothWays(model(), batch, seed, temperature);
        expect(whole.computed).toBe(distinctPrefixes(batch));
        const logps = byCompletion(whole.logps, batch);
        const entropies = byCompletion(whole.entropies, batch);
        parts.forEach((part, i) => {
          expect(beyondRounding(logps[i]!, part.logps)).toEqual([]);
          expect(beyondRounding(entropies[i]!, part.entropies)).toEqual([]);
        });
        const total = norm([...apart.values()].map(norm));
        for (const [parameter, gradient] of apart) {
          // What cancels to nothing beside the whole gradient has no digits of its own left.
          if (norm(gradient) < 1e-5 * total) continue;
          const difference = relativeDifference(together.get(parameter)!, gradient);
          expect(difference, parameter).toBeLessThan(GRADIENT_TOLERANCE);
        }
      }),
      // A counterexample is large, and shrinking it takes longer than any time limit.
      { seed: 20250607, numRuns: 30, endOnFailure: true },
    );
  });

  it('scores as it forwards, bit for bit', async () => {
    const batch = batchOf(fc.sample(forest, { seed: 3, numRuns: 1 })[0]!);
    expect(await model().score(batch, { temperature: 0.7 })).toEqual(await model().forward(batch, 0.7));
  });
});

describe('a batch', () => {
  const model = sharedModel('qwen2-tied');
  const prompt = [5, 6, 7, 8];

  it('counts a duplicate once', async () => {
    const scores = await model().score(batchOf([{ prompt, completions: [[1, 2], [1, 2], [1, 3], [4]] }]));
    expect(scores.computed).toBe(prompt.length + 1);
    expect(scores.logps.slice(0, 2)).toEqual(scores.logps.slice(2, 4));
  });

  it('tells a completion from the end of another prompt', async () => {
    const joined = batchOf([
      { prompt, completions: [[1, 2]] },
      { prompt: [...prompt, 1], completions: [[2], [3]] },
    ]);
    const { logps, computed } = await model().score(joined);
    expect(computed).toBe(prompt.length + 1);
    expect(logps).toHaveLength(4);
    expect(logps[1]).toBe(logps[2]);
  });

  it('holds completions of 400 tokens and of one side by side, within 2e-5', async () => {
    // Rows of very different lengths are padded in bands of their own.
    const long = Array.from({ length: 4 }, (_, i) =>
      [...randomFloats(400, i)].map((x) => Math.floor(48 * (x + 1))),
    );
    const short = Array.from({ length: 90 }, (_, i) => [i]);
    const batch = batchOf([{ prompt, completions: [...long, ...short] }]);
    const { logps } = await model().score(batch);
    const own = byCompletion(logps, batch);
    for (const i of [0, 3, 4, 50]) {
      const single = await model().score(alone(batch)[i]!);
      expect(maxDifference(own[i]!, single.logps)).toBeLessThan(SCORE_TOLERANCE);
    }
  });
});
