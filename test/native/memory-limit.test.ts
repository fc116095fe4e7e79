/** Steps that memory doesn't suffice for are done in parts, and give the same update. */
import { describe, expect, it } from 'vitest';
import type { TrainInput } from '../../src/run/train-options.js';
import type { JudgedCompletion } from '../../src/run/events.js';
import { sft } from '../../src/run/sft.js';
import { train } from '../../src/experiments/train.js';
import { Split, sampleInParts } from '../../src/grpo/split.js';
import { joined } from '../../src/common/floats.js';
import { parseModelConfig } from '../../src/model/config.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import type { Metrics } from '../../src/grpo/metrics.js';
import { codeOf } from '../support/fixtures.js';
import { loadModel, randomModel, tensorsOf } from '../support/models.js';
import { relativeDifference } from '../support/numbers.js';

const MB = 1 << 20;

/** Of random weights, and large enough that its tensors are what takes memory. It never ends a completion. */
async function largeModel(): Promise<LanguageModel> {
  const { folder, config, tokenizer } = await loadModel('tiny');
  const { tieWordEmbeddings: tie_word_embeddings, vocabSize: vocab_size } = config;
  const large = parseModelConfig(
    {
      model_type: 'qwen2',
      hidden_size: 256,
      intermediate_size: 1024,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      tie_word_embeddings,
      vocab_size,
    },
    folder,
  );
  return randomModel(large, { tokenizer });
}
const input: TrainInput = {
  batchSize: 64,
  numGenerations: 32,
  maxSteps: 2,
  maxCompletionLength: 24,
  temperature: 1.5,
  stop: 'none',
  evalSamples: 0,
  // AdamW's first steps follow signs: of a gradient that is 0 but for rounding, nothing may be amplified.
  learningRate: 1e-7,
};

/** @param room bytes for gradients, moments, the reference and what a step takes; undefined: no limit */
async function taught(room: number | undefined, more: TrainInput = {}, trainer = train) {
  const model = await largeModel();
  if (room !== undefined) await model.engine.limitMemory(room);
  const completions: JudgedCompletion[][] = [];
  const metrics: Metrics[] = [];
  const notices: string[] = [];
  const gradients: Map<string, Float32Array>[] = [];
  const step = model.optimizerStep.bind(model);
  model.optimizerStep = async (options) => {
    gradients.push(await tensorsOf(model, 'grad'));
    return step(options);
  };
  await trainer(
    { ...input, ...more },
    {
      model,
      save: false,
      // Of random text, and with a spread in every group.
      reward: (all) => all.map(({ completion }) => (completion.charCodeAt(0) % 7) / 7),
      onCompletions: (_, all) => void completions.push(all),
      onStep: (step) => void metrics.push(step),
      onNotice: (text) => notices.push(text),
    },
  );
  await model.engine.limitMemory(0);
  return { completions, metrics, notices, gradients };
}

type Taught = Awaited<ReturnType<typeof taught>>;

/** Over all tensors together: of some (the keys' biases) the gradient is 0 but for rounding. */
function expectSameGradients({ gradients: a }: Taught, { gradients: b }: Taught): void {
  expect(b).toHaveLength(a.length);
  for (const [step, tensors] of a.entries())
    expect(relativeDifference(inOrder(b[step]!), inOrder(tensors)), `step ${step + 1}`).toBeLessThan(1e-5);
}

const inOrder = (tensors: Map<string, Float32Array>): Float32Array =>
  joined([...tensors.keys()].sort().map((name) => tensors.get(name)!));

describe('a step that does not fit into memory', () => {
  it.each<[string, TrainInput]>([
    ['a loss over completions', {}],
    ['a loss over all tokens, with entropies in it', { lossType: 'dapo', entropyCoef: 0.01 }],
    ['accumulated parts', { gradientAccumulationSteps: 2, lossType: 'bnpo' }],
    ['completions that are used twice', { numIterations: 2 }],
    ['the KL over the vocabulary', { klEstimator: 'exact', numIterations: 2 }],
  ])('is done in parts, and gives the same update: %s', async (_, more) => {
    const whole = await taught(undefined, more);
    expect(whole.notices).toEqual([]);
    const parts = await taught(60 * MB, more);
    expect(parts.notices.join('\n')).toContain('memory ran out in sampling');
    expect(parts.notices.join('\n')).toContain('memory ran out in learning');
    expect(parts.metrics.at(-1)!.parts).toBeGreaterThan(1);
    expect(parts.completions.flat().map(({ completion }) => completion)).toEqual(
      whole.completions.flat().map(({ completion }) => completion),
    );
    for (const [i, { loss, grad_norm, kl }] of whole.metrics.entries()) {
      expect(parts.metrics[i]!.loss).toBeCloseTo(loss!, 5);
      expect(parts.metrics[i]!.kl).toBeCloseTo(kl!, 5);
      expect(parts.metrics[i]!.grad_norm! / grad_norm!).toBeCloseTo(1, 4);
      expect(grad_norm).toBeGreaterThan(1e-3);
    }
    expectSameGradients(whole, parts);
  });

  it('of supervised learning too', async () => {
    const run = (room?: number) =>
      taught(room, { batchSize: 256, ...{ numGenerations: undefined, stop: undefined } }, (given, extras) =>
        sft(
          { batchSize: 256, maxSteps: 2, evalSamples: 0, maxCompletionLength: given!.maxCompletionLength! },
          extras,
        ),
      );
    const [whole, parts] = [await run(), await run(58 * MB)];
    expect(parts.notices.join('\n')).toContain('memory ran out in learning');
    expectSameGradients(whole, parts);
  });

  it('is refused where not even one completion fits, with what helps', async () => {
    const failed = taught(20 * MB);
    await expect(failed).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringContaining('not even in') as string,
    });
  });

  it('leaves the engine as good as before', async () => {
    const model = await largeModel();
    const prompts = [model.tokenizer.encode('Calculate: 1 + 1 = ')];
    const request = {
      prompts,
      promptIndices: [0],
      numGenerations: 64,
      maxCompletionLength: 64,
      seed: 1,
      step: 1,
      temperature: 2,
      keepActivations: true,
    };
    const before = await model.sample(request);
    await model.zeroGrad(); // what was kept of it is forgotten
    await model.engine.limitMemory(MB);
    expect(await codeOf(model.sample(request))).toBe('OUT_OF_MEMORY');
    await model.engine.limitMemory(0);
    expect((await model.sample(request)).completions).toEqual(before.completions);
  });
});

describe('sampling in parts', () => {
  it.each([1, 2, 3, 7, 24])('draws the same: %i parts', async (parts) => {
    const model = await loadModel('tiny');
    const prompts = ['Calculate: 1 + 1 = ', 'Calculate: 9 - 3 = ', '7'].map((text) =>
      model.tokenizer.encode(text),
    );
    const request = {
      prompts,
      promptIndices: [4, 0, 9],
      numGenerations: 8,
      maxCompletionLength: 6,
      seed: 1,
      step: 1,
      temperature: 1,
    };
    const [whole, some] = [await model.sample(request), await sampleInParts(model, request, parts)];
    const drawn = (samples: typeof whole) =>
      samples.completions.map(({ prompt, ids, text, ended }) => ({ prompt, ids, text, ended }));
    expect(drawn(some)).toEqual(drawn(whole));
  });

  it('tells of each doubling once, and remembers', async () => {
    const notices: string[] = [];
    const split = new Split(undefined, (text) => notices.push(text));
    const work = (parts: number) =>
      parts < 4
        ? Promise.reject(Object.assign(new Error(), { code: 'OUT_OF_MEMORY' }))
        : Promise.resolve(parts);
    expect(await split.run('learn', 16, work)).toBe(4);
    expect(await split.run('learn', 16, work)).toBe(4);
    expect(notices).toHaveLength(2);
    expect(await new Split(split.parts).run('learn', 16, work)).toBe(4);
  });
});
