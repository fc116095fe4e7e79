/** The frozen reference: the policy as it was, in half the memory where that loses nothing. */
import { beforeEach, describe, expect, it } from 'vitest';
import { parseModelConfig } from '../../src/model/config.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import { ADAMW, batchOf, randomModel, tokenCount } from '../support/models.js';
import { randomFloats, randomTokens } from '../support/numbers.js';

const config = parseModelConfig({
  model_type: 'qwen3',
  vocab_size: 20011,
  hidden_size: 78,
  intermediate_size: 37,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  tie_word_embeddings: true,
});

/** Few rows go through a kernel of ours, many through libtorch's product of a widened copy. */
const few = batchOf([{ prompt: [1, 2, 3], completions: [randomTokens(6, 1), randomTokens(9, 2)] }]);
const many = batchOf([
  { prompt: [1, 2, 3], completions: Array.from({ length: 20 }, (_, i) => randomTokens(15, i)) },
]);

let model: LanguageModel;
beforeEach(async () => {
  // Weights of bfloat16's numbers, as a checkpoint on the hub has them.
  model = await randomModel(config, { seed: 3, threads: 2 });
});

async function expectReferenceIsPolicy(): Promise<void> {
  for (const batch of [few, many]) {
    const policy = await model.score(batch, { which: 'policy' });
    const reference = await model.score(batch, { which: 'reference' });
    expect(reference.logps).toEqual(policy.logps);
    expect(reference.entropies).toEqual(policy.entropies);
  }
}

async function changeWeights(): Promise<void> {
  await model.forward(few, 1);
  await model.backward(randomFloats(tokenCount(few), 7));
  await model.optimizerStep({ ...ADAMW, learningRate: 1e-3 });
}

describe('the reference', () => {
  it("of bfloat16 weights takes half the memory and gives the policy's numbers to the bit", async () => {
    await model.freezeReference();
    const { policy, reference } = await model.engine.memory();
    expect(reference / policy).toBeGreaterThan(0.5);
    expect(reference / policy).toBeLessThan(0.51); // norms stay as they are
    await expectReferenceIsPolicy();
  });

  it('of other weights keeps them whole', async () => {
    await changeWeights();
    await model.freezeReference();
    const { policy, reference } = await model.engine.memory();
    expect(reference).toBe(policy);
    await expectReferenceIsPolicy();
  });

  it('stays when the policy moves on', async () => {
    await model.freezeReference();
    const before = await model.score(few, { which: 'reference' });
    await changeWeights();
    expect((await model.score(few, { which: 'reference' })).logps).toEqual(before.logps);
    expect((await model.score(few)).logps).not.toEqual(before.logps);
  });
});
