import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import { exportGguf } from '../../src/model/gguf/export.js';
import type { GgufDtype } from '../../src/model/gguf/numbers.js';
import { packageRoot } from '../../src/machine/paths.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { openGguf } from '../support/llama.js';
import { loadModel, MODELS } from '../support/models.js';

/** Tokens of an answer, at most. */
const LENGTH = 24;
const TINY = join(packageRoot(), 'models', 'tiny');
const PROMPTS = ['Calculate: 15 + 8 = ', 'Calculate: 7 * 6 = ', 'Is 12 > 9? ', 'abc'];
/** Of which the embedded model is sure, so that rounded weights give the same answer. */
const SURE = ['Calculate: 7 + 8 = ', 'Calculate: 20 - 5 = '];

/** The likeliest tokens after a prompt, by the engine. */
async function greedy(model: LanguageModel, prompt: Int32Array, length: number): Promise<number[]> {
  const { completions } = await model.sample({
    prompts: [prompt],
    promptIndices: [0],
    numGenerations: 1,
    maxCompletionLength: length,
    temperature: 0,
    seed: 1,
    step: 0,
  });
  return [...completions[0]!.ids];
}

/** That llama.cpp makes the same tokens of each prompt, and gives the same answer. */
async function expectEqualAnswers(folder: string, dtype: GgufDtype, prompts: string[]): Promise<void> {
  const { file } = await exportGguf({ model: folder, dtype, output: join(temporaryFolder(), 'model.gguf') });
  const answer = await openGguf(file);
  const model = await loadModel(folder);
  for (const prompt of prompts) {
    const ids = model.tokenizer.encodePrompt(prompt);
    const completion = await greedy(model, ids, LENGTH);
    expect(await answer(prompt, LENGTH), prompt).toEqual({ prompt: [...ids], completion });
  }
}

describe('a GGUF file, in llama.cpp', () => {
  it.each(MODELS)('of %s gives the same greedy answers', async (name) => {
    await expectEqualAnswers(fixtureModel(name), 'f32', PROMPTS);
  });

  it.each([
    ['f32', [...PROMPTS, ...SURE]],
    ['f16', SURE],
    ['bf16', SURE],
    ['q8_0', SURE],
  ] as const)('of the embedded model in %s does too', async (dtype, prompts) => {
    await expectEqualAnswers(TINY, dtype, [...prompts]);
  });
});
