/** Tokens are drawn as often as their probabilities say, with each filter. */
import { loadAddon } from '../../../src/engine/addon.js';
import type { SamplingOptions } from '../../../src/engine/types.js';
import { chiSquare, type ChiSquare } from '../../../src/common/chi-square.js';
import type { LanguageModel, Samples } from '../../../src/model/language-model.js';
import { tokens, TINY, wide } from '../models.js';
import type { Check, Part } from '../part.js';

/** A true sampler misses this once in 10,000 seeds; the seed is fixed, so it passes always or never. */
const P_VALUE = 1e-4;
const DRAWS = { full: 20_000, small: 4000 };
/** Token ids that lie next to each other, counted together: in a large vocabulary one alone is hardly drawn. */
const BLOCK = 256;
/** Share of tokens that may not be the CPU's: a draw at the border of two tokens may go to the other. */
const OTHERS = 1e-3;
/** The same of whole completions, which part after the first difference. */
const OTHER_COMPLETIONS = 1e-2;

const PLAIN: SamplingOptions = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };
const FILTERS: [name: string, options: Partial<SamplingOptions>][] = [
  ['temperature 1', {}],
  ['temperature 0.7', { temperature: 0.7 }],
  ['top_k', { topK: 7 }],
  ['top_p', { topP: 0.8 }],
  ['min_p', { minP: 0.05 }],
  ['repetition_penalty', { repetitionPenalty: 1.4 }],
  ['all of them', { temperature: 1.3, topK: 20, topP: 0.95, minP: 0.02, repetitionPenalty: 1.2 }],
];

export const draws: Part = {
  name: 'draws',
  title: 'draws against probabilities (chi-square), filters, greedy',
  kind: 'check',
  seconds: 90,
  async run(check) {
    const [model, cpu] = [await TINY.open(check.device, 'float32'), await TINY.open('cpu', 'float32')];
    const prompt = tokens(6, model.config.vocabSize, 'draws');
    for (const [name, some] of [...FILTERS, ['greedy', { temperature: 0 }] as const]) {
      const options = { ...PLAIN, ...some };
      if (options.temperature > 0) await twoTokens(check, `tiny, ${name}`, model, prompt, options);
      await asOnCpu(check, `tiny, ${name}`, model, cpu, options);
    }
    await greedy(check, 'tiny', model);
    await Promise.all([model.dispose(), cpu.dispose()]);

    const { name, temperature, open } = wide(check.scale);
    const large = await open(check.device, 'float32');
    // Nearly equal probabilities, so that every part of the vocabulary is drawn from; then peaks.
    await firstToken(check, `${name}, temperature 1`, large, PLAIN);
    for (const [filter, options] of FILTERS.slice(2))
      await firstToken(check, `${name}, ${filter}`, large, { ...PLAIN, ...options, temperature });
    await greedy(check, name, large);
    await large.dispose();
  },
};

const draw = (
  model: LanguageModel,
  prompts: Int32Array[],
  options: SamplingOptions,
  numGenerations: number,
  maxCompletionLength: number,
): Promise<Samples> =>
  model.sample({
    ...options,
    prompts,
    promptIndices: prompts.map((_, i) => i),
    numGenerations,
    maxCompletionLength,
    seed: 2024,
    step: 5,
  });

/** The probabilities that the token after `history` is drawn with. */
async function exact(
  model: LanguageModel,
  history: Int32Array,
  options: SamplingOptions,
): Promise<Float32Array> {
  const logits = await model.engine.logits(history);
  return loadAddon().probabilities(logits.slice(-model.config.vocabSize), history, options);
}

/** The first token, and the second after the one that was drawn most often. */
async function twoTokens(
  check: Check,
  name: string,
  model: LanguageModel,
  prompt: Int32Array,
  options: SamplingOptions,
): Promise<void> {
  const { completions } = await draw(model, [prompt], options, DRAWS[check.scale], 2);
  const drawn = completions.map(({ ids }) => ids);
  const { vocabSize } = model.config;
  const first = counts(
    drawn.map((ids) => ids[0]!),
    vocabSize,
  );
  judge(check, `${name}, first token`, chiSquare(first, await exact(model, prompt, options)));
  const token = first.reduce(
    (best, n, id) => (!model.eosTokenIds.includes(id) && n > first[best]! ? id : best),
    1,
  );
  const after = drawn.filter((ids) => ids[0] === token && ids.length > 1);
  const second = counts(
    after.map((ids) => ids[1]!),
    vocabSize,
  );
  const history = Int32Array.of(...prompt, token);
  judge(check, `${name}, second token`, chiSquare(second, await exact(model, history, options)));
}

/** One token of a large vocabulary: each for itself, and by blocks of ids. */
async function firstToken(
  check: Check,
  name: string,
  model: LanguageModel,
  options: SamplingOptions,
): Promise<void> {
  const prompt = tokens(6, model.config.vocabSize, 'draws');
  const { completions } = await draw(model, [prompt], options, DRAWS[check.scale], 1);
  const drawn = counts(
    completions.map(({ ids }) => ids[0]!),
    model.config.vocabSize,
  );
  const probabilities = await exact(model, prompt, options);
  judge(check, `${name}, by token`, chiSquare(drawn, probabilities));
  judge(check, `${name}, by ${BLOCK} tokens`, chiSquare(blocks(drawn), blocks(probabilities)));
}

function judge(check: Check, name: string, { p, impossible }: ChiSquare): void {
  check.atLeast(`${name}: p`, p, P_VALUE);
  check.atMost(`${name}: draws of what has probability 0`, impossible, 0);
}

/** Temperature 0 takes the most likely token at each position, but for what is equal up to rounding. */
async function greedy(check: Check, name: string, model: LanguageModel): Promise<void> {
  const { vocabSize } = model.config;
  const prompts = [4, 9, 23].map((length) => tokens(length, vocabSize, `greedy ${length}`));
  const { completions } = await draw(model, prompts, { ...PLAIN, temperature: 0 }, 1, 8);
  let worst = 0;
  for (const { ids, prompt } of completions) {
    const before = prompts[prompt]!;
    const logits = await model.engine.logits(Int32Array.of(...before, ...ids));
    ids.forEach((id, i) => {
      const begin = (before.length + i - 1) * vocabSize;
      const row = logits.subarray(begin, begin + vocabSize);
      const highest = row.reduce((most, logit) => Math.max(most, logit), -Infinity);
      worst = Math.max(worst, highest - row[id]!);
    });
  }
  check.atMost(`${name}, greedy: logit below the highest`, worst, 1e-4);
}

/** The random numbers are the same on every device. */
async function asOnCpu(
  check: Check,
  name: string,
  model: LanguageModel,
  cpu: LanguageModel,
  options: SamplingOptions,
): Promise<void> {
  const prompts = [3, 6, 20].map((length) => tokens(length, model.config.vocabSize, `prompt ${length}`));
  const drawn = await Promise.all([model, cpu].map((one) => draw(one, prompts, options, 512, 8)));
  const [ours, expected] = drawn.map(({ completions }) => completions.map(({ ids }) => ids));
  const others = (differs: (ids: Int32Array, i: number) => boolean) =>
    ours!.filter(differs).length / ours!.length;
  const first = others((ids, i) => ids[0] !== expected![i]![0]);
  check.atMost(`${name}: first tokens that are not the CPU's`, first, OTHERS);
  const whole = others((ids, i) => ids.join() !== expected![i]!.join());
  check.atMost(`${name}: completions that are not the CPU's`, whole, OTHER_COMPLETIONS);
}

function counts(ids: number[], vocabSize: number): Float64Array {
  const result = new Float64Array(vocabSize);
  for (const id of ids) result[id]!++;
  return result;
}

function blocks(each: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(Math.ceil(each.length / BLOCK));
  for (let i = 0; i < each.length; i++) sums[Math.floor(i / BLOCK)]! += each[i]!;
  return sums;
}
