/** What is drawn, how often, and what a completion depends on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LanguageModel, SampleOptions } from '../../src/model/language-model.js';
import { loadAddon } from '../../src/engine/addon.js';
import type { SamplingOptions } from '../../src/engine/types.js';
import { chiSquare } from '../../src/common/chi-square.js';
import { fixtureModel, fixtures } from '../support/fixtures.js';
import { batchOf, byCompletion, loadModel, sharedModel } from '../support/models.js';
import { maxDifference, randomFloats, randomTokens } from '../support/numbers.js';

/** Absolute, between two softmaxes in float32. */
const PROBABILITY_TOLERANCE = 1e-6;
/** Absolute, log-probs. */
const LOGP_TOLERANCE = 2e-5;
/** A true sampler misses this once in 10,000 seeds; the seed is fixed, so it passes always or never. */
const P_VALUE = 1e-4;
const DRAWS = 20_000;

const PLAIN: SamplingOptions = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };
const addon = loadAddon();
const probabilities = (logits: Float32Array, history: Int32Array, options: SamplingOptions) =>
  addon.probabilities(logits, history, options);

interface FixtureCase {
  options: {
    temperature: number;
    top_k?: number;
    top_p?: number;
    min_p?: number;
    repetition_penalty?: number;
  };
  /** Tokens before, one list a row. */
  history?: number[][];
  probs: number[][];
}

describe('probabilities', () => {
  const { logits, cases } = JSON.parse(readFileSync(join(fixtures, 'sampling.json'), 'utf8')) as {
    logits: number[][];
    cases: FixtureCase[];
  };

  it.each(cases)("are transformers' within 1e-6: $options", ({ options, history, probs }) => {
    logits.forEach((row, i) => {
      const own = probabilities(Float32Array.from(row), Int32Array.from(history?.[i] ?? []), {
        temperature: options.temperature,
        topK: options.top_k ?? 0,
        topP: options.top_p ?? 1,
        minP: options.min_p ?? 0,
        repetitionPenalty: options.repetition_penalty ?? 1,
      });
      expect(maxDifference(own, probs[i]!)).toBeLessThan(PROBABILITY_TOLERANCE);
      // What a filter took away is never drawn: exactly zero, not little.
      expect([...own].map((p) => p > 0)).toEqual(probs[i]!.map((p) => p > 0));
    });
  });

  it('put all on the most likely token at temperature 0', () => {
    expect([
      ...probabilities(Float32Array.of(1, 3, 2), new Int32Array(), { ...PLAIN, temperature: 0 }),
    ]).toEqual([0, 1, 0]);
  });
});

describe('drawing on a device', () => {
  const VOCAB = 997;
  /** As many as there are completions at a node: none is left out, none is mixed up. */
  const uniforms = [40, 1, 7, 300].map((count, row) => randomFloats(count, row).map(Math.abs));
  uniforms[0]!.set([0, 1 - 2 ** -24]);
  const history = uniforms.map((_, row) =>
    Int32Array.from([...randomTokens(9, row), ...randomTokens(9, row)]),
  );
  const logits = randomFloats(uniforms.length * VOCAB, 9).map((x) => 3 * x);

  it.each<Partial<SamplingOptions>>([
    {},
    { temperature: 0.4 },
    { temperature: 0 },
    { temperature: 0, repetitionPenalty: 5 },
    { topK: 7 },
    { topP: 0.8 },
    { minP: 0.05 },
    { repetitionPenalty: 1.4 },
    { temperature: 1.3, topK: 200, topP: 0.95, minP: 0.002, repetitionPenalty: 1.2 },
  ])('takes the tokens that the host takes: %j', (some) => {
    const [host, device] = [false, true].map((onDevice) =>
      addon.drawTokens({ ...PLAIN, ...some, logits: logits.slice(), uniforms, history, onDevice }),
    ) as [{ ids: Float32Array; logps: Float32Array }, { ids: Float32Array; logps: Float32Array }];
    expect(host.ids).toHaveLength(348);
    expect(device.ids).toEqual(host.ids);
    expect(maxDifference(device.logps, host.logps)).toBeLessThan(PROBABILITY_TOLERANCE * 10);
    // Several tokens, unless the most likely one is asked for.
    expect(new Set(host.ids).size).toBeGreaterThan(some.temperature === 0 ? 1 : 4);
  });

  it('takes no token outside of the vocabulary where logits are NaN', () => {
    const broken = new Float32Array(logits.length).fill(NaN);
    for (const temperature of [0, 1]) {
      const { ids } = addon.drawTokens({
        ...PLAIN,
        temperature,
        logits: broken.slice(),
        uniforms,
        history,
        onDevice: true,
      });
      expect(ids.every((id) => id >= 0 && id < VOCAB)).toBe(true);
    }
  });
});

/** Tokens drawn at `position`, counted, of the completions that `among` takes. */
function count(completions: Int32Array[], position: number, vocab: number): Float64Array {
  const counts = new Float64Array(vocab);
  for (const ids of completions) {
    const token = ids[position];
    if (token !== undefined) counts[token]!++;
  }
  return counts;
}

describe('frequencies over 20,000 draws', () => {
  const model = sharedModel('qwen2-tied');
  const prompt = randomTokens(6, 1);

  const exact = async (history: number[], options: SamplingOptions) => {
    const ids = Int32Array.from(history);
    const { vocabSize } = model().config;
    return probabilities((await model().engine.logits(ids)).slice(-vocabSize), ids, options);
  };

  it.each<Partial<SamplingOptions>>([
    {},
    { temperature: 0.7 },
    { temperature: 1.6 },
    { topK: 7 },
    { topP: 0.8 },
    { minP: 0.05 },
    { repetitionPenalty: 1.4 },
    { temperature: 0.8, topK: 12, topP: 0.9 },
    { temperature: 1.3, topK: 20, topP: 0.95, minP: 0.02, repetitionPenalty: 1.2 },
  ])('are those of the exact probabilities: %j', async (some) => {
    const options = { ...PLAIN, ...some };
    const { completions } = await model().sample({
      ...options,
      prompts: [prompt],
      promptIndices: [3],
      numGenerations: DRAWS,
      maxCompletionLength: 2,
      seed: 2024,
      step: 5,
    });
    const drawn = completions.map(({ ids }) => ids);
    const first = count(drawn, 0, model().config.vocabSize);
    const atFirst = chiSquare(first, await exact([...prompt], options));
    expect(atFirst.impossible).toBe(0);
    expect(atFirst.bins).toBeGreaterThan(2);
    expect(atFirst.p).toBeGreaterThan(P_VALUE);

    // The second token, after the first one drawn most often.
    const eos = model().eosTokenIds;
    const token = first.reduce((best, n, id) => (n > first[best]! && !eos.includes(id) ? id : best), 1);
    const second = count(
      drawn.filter((ids) => ids[0] === token),
      1,
      first.length,
    );
    const atSecond = chiSquare(second, await exact([...prompt, token], options));
    expect(atSecond.impossible).toBe(0);
    expect(atSecond.p).toBeGreaterThan(P_VALUE);
  });

  it('would fail with probabilities that are a little off', async () => {
    const { completions } = await model().sample({
      prompts: [prompt],
      promptIndices: [3],
      numGenerations: DRAWS,
      maxCompletionLength: 1,
      seed: 2024,
      step: 5,
      temperature: 1,
    });
    const counts = count(
      completions.map(({ ids }) => ids),
      0,
      model().config.vocabSize,
    );
    expect(chiSquare(counts, await exact([...prompt], { ...PLAIN, temperature: 1.05 })).p).toBeLessThan(
      P_VALUE,
    );
  });
});

describe('a completion', () => {
  const model = sharedModel('qwen2-tied');
  const prompts = [randomTokens(5, 10), randomTokens(9, 11), randomTokens(5, 10), randomTokens(14, 12)];
  const request = {
    prompts,
    promptIndices: [100, 7, 31, 4],
    numGenerations: 12,
    maxCompletionLength: 16,
    seed: 1,
    step: 9,
    temperature: 0.7,
  };
  const sample = async (options: Partial<SampleOptions> = {}, of: LanguageModel = model()) =>
    (await of.sample({ ...request, ...options })).completions;
  const idsOf = (completions: { ids: Int32Array }[]) => completions.map(({ ids }) => [...ids]);

  it('is the same whatever other prompts share the step', async () => {
    const all = idsOf(await sample());
    for (const p of prompts.keys()) {
      const own = await sample({ prompts: [prompts[p]!], promptIndices: [request.promptIndices[p]!] });
      expect(idsOf(own)).toEqual(all.slice(12 * p, 12 * p + 12));
    }
    const reversed = await sample({
      prompts: prompts.toReversed(),
      promptIndices: request.promptIndices.toReversed(),
    });
    expect(idsOf(reversed).slice(36)).toEqual(all.slice(0, 12));
    // Fewer completions of a prompt are the first of more.
    const fewer = await sample({ numGenerations: 5 });
    expect(idsOf(fewer).slice(5, 10)).toEqual(all.slice(12, 17));
  });

  it('is the same whatever the number of threads', async () => {
    const two = await loadModel(fixtureModel('qwen2-tied'), { threads: 2 });
    expect((await two.info()).threads).toBe(2);
    expect(idsOf(await sample({}, two))).toEqual(idsOf(await sample()));
  });

  it('differs with the seed, the step and the index of its prompt', async () => {
    const base = idsOf(await sample()).join(' ');
    expect(idsOf(await sample({ seed: 2 })).join(' ')).not.toBe(base);
    expect(idsOf(await sample({ step: 10 })).join(' ')).not.toBe(base);
    // Prompts 0 and 2 are the same tokens with different indices.
    const all = idsOf(await sample());
    expect(all.slice(0, 12)).not.toEqual(all.slice(24, 36));
  });

  it('has the log-probs that scoring gives it, within 2e-5', async () => {
    for (const temperature of [0.7, 1]) {
      const completions = await sample({ temperature, topK: 40, minP: 0.001 });
      const batch = batchOf(
        prompts.map((prompt, p) => ({
          prompt,
          completions: completions.filter((own) => own.prompt === p).map(({ ids }) => ids),
        })),
      );
      const scores = await model().score(batch, { temperature });
      byCompletion(scores.logps, batch).forEach((logps, i) =>
        expect(maxDifference(completions[i]!.logps, logps)).toBeLessThan(LOGP_TOLERANCE),
      );
    }
  });

  it('ends at the end-of-sequence token, which it keeps, or at the length', async () => {
    const completions = await sample({ temperature: 1.5, numGenerations: 100 });
    const [eos] = model().eosTokenIds;
    const reasons = new Set(completions.map(({ ended }) => ended));
    expect([...reasons].sort()).toEqual(['eos', 'length']);
    for (const { ids, ended, logps } of completions) {
      expect(logps).toHaveLength(ids.length);
      expect(ids.indexOf(eos!)).toBe(ended === 'eos' ? ids.length - 1 : -1);
      if (ended === 'length') expect(ids).toHaveLength(request.maxCompletionLength);
    }
  });

  it('is cut short by a stop rule, which changes no other', async () => {
    const free = await sample();
    const seen: number[] = [];
    // Ends the completions of prompt 1 as soon as they have three characters.
    const stop = (text: string, prompt: number) => {
      seen.push(prompt);
      return prompt === 1 && text.length >= 3;
    };
    const ruled = await sample({ stop });
    expect([...new Set(seen)].sort()).toEqual([0, 1, 2, 3]);
    expect(ruled.some(({ ended }) => ended === 'stop')).toBe(true);
    ruled.forEach(({ ids, ended, prompt, logps }, i) => {
      expect([...ids]).toEqual([...free[i]!.ids.slice(0, ids.length)]);
      expect(maxDifference(logps, free[i]!.logps.slice(0, ids.length))).toBeLessThan(LOGP_TOLERANCE);
      if (prompt !== 1) expect(ids).toHaveLength(free[i]!.ids.length);
      else if (ended === 'stop') {
        expect(model().tokenizer.decode(ids).length).toBeGreaterThanOrEqual(3);
        expect(model().tokenizer.decode(ids.slice(0, -1)).length).toBeLessThan(3);
      }
    });
  });

  it('costs nothing once it has ended', async () => {
    const running: number[] = [];
    const onPosition = (left: number) => running.push(left);
    const { computed } = await model().sample({ ...request, stop: () => true, onPosition });
    expect(running).toEqual([0]);
    // Prompts only; two of them are the same.
    expect(computed).toBe(5 + 9 + 14);
  });

  it('shares the tokens that it has in common with others', async () => {
    const greedy = await model().sample({ ...request, temperature: 0, maxCompletionLength: 4 });
    // One path a distinct prompt, whose last token is never forwarded.
    const distinct = new Set(
      greedy.completions.map(({ prompt, ids }) => `${[...prompts[prompt]!].join()}: ${ids.join()}`),
    );
    expect(distinct.size).toBe(3);
    expect(greedy.computed).toBe(5 + 9 + 14 + 3 * 3);
  });
});
