import { describe, expect, it } from 'vitest';
import { lossGradients, type GradientModel, type ScoredBatch } from '../../../src/grpo/loss-gradients.js';
import { policyLoss } from '../../../src/grpo/losses/index.js';
import type { LossType } from '../../../src/grpo/losses/types.js';
import { Split } from '../../../src/grpo/split.js';
import { trainOptions } from '../../../src/experiments/train.js';
import { fakeModel, type FakeModel } from '../../support/fake-model.js';

const options = {
  ...trainOptions({ model: 'tiny', beta: 0 }),
  entropyCoef: null,
  gradientAccumulationSteps: 1,
};

/** The fake model with its gradients where the engine has them, in two tensors. */
async function open(): Promise<{ fake: FakeModel; model: GradientModel }> {
  const fake = await fakeModel();
  const half = fake.gradients.length / 2;
  const engine = {
    parameters: () =>
      Promise.resolve([0, 1].map((i) => ({ name: String(i), shape: [half], trainable: true }))),
    tensor: (name: string) =>
      Promise.resolve(
        Float32Array.from(fake.gradients.subarray(Number(name) * half, (Number(name) + 1) * half)),
      ),
  };
  const model = {
    score: fake.score.bind(fake),
    forward: fake.forward.bind(fake),
    backward: fake.backward.bind(fake),
    zeroGrad: fake.zeroGrad.bind(fake),
    engine,
  };
  return { fake, model };
}

/** Two completions of unequal length, one better than the other. */
const scored = (advantages = [1, -1], old: number[] | null = null): ScoredBatch => ({
  batch: {
    prompts: [Int32Array.of(3)],
    completions: [Int32Array.of(4, 5, 6), Int32Array.of(7)],
    promptOf: Int32Array.of(0, 0),
  },
  oldLogps: old,
  refLogps: null,
  advantages,
  masked: null,
  tokensInStep: 4,
});

/** d log π(token | before) / d logits at temperature 1 is one-hot minus softmax: the gradient by its formula. */
async function expectedGradient(fake: FakeModel, lossType: LossType, batch: ScoredBatch) {
  const { logps, entropies } = await fake.score(batch.batch, { temperature: options.temperature });
  const { dLogps, loss } = policyLoss(
    { ...batch, logps, entropies, lengths: [3, 1] },
    { ...options, lossType },
  );
  const pairs = [
    [3, 4],
    [4, 5],
    [5, 6],
    [3, 7],
  ] as const;
  const gradient = new Float64Array(fake.gradients.length);
  pairs.forEach(([before, token], t) => {
    const row = Array.from(fake.weights.subarray(before * fake.size, (before + 1) * fake.size), (logit) =>
      Math.exp(logit / options.temperature),
    );
    const sum = row.reduce((a, b) => a + b);
    row.forEach((weight, j) => {
      gradient[before * fake.size + j]! +=
        (dLogps[t]! * ((j === token ? 1 : 0) - weight / sum)) / options.temperature;
    });
  });
  return { loss, gradient };
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('gradients of losses', () => {
  it('are compared by norm and cosine, and leave the model as it was', async () => {
    const { fake, model } = await open();
    const weights = fake.weights.slice();
    const losses = ['grpo', 'dapo', 'cispo'] as const;
    const found = await lossGradients(model, scored(), losses, options, new Split());
    const expected = await Promise.all(losses.map((name) => expectedGradient(fake, name, scored())));
    found.forEach(({ lossType, loss, gradNorm, cosines }, i) => {
      const own = expected[i]!;
      expect(lossType).toBe(losses[i]);
      expect(loss).toBeCloseTo(own.loss, 10);
      expect(gradNorm).toBeCloseTo(Math.sqrt(dot(own.gradient, own.gradient)), 6);
      cosines.forEach((cosine, j) => {
        const other = expected[j]!.gradient;
        const norms = Math.sqrt(dot(own.gradient, own.gradient) * dot(other, other));
        expect(cosine).toBeCloseTo(dot(own.gradient, other) / norms, 6);
      });
    });
    // A mean over completions and a mean over tokens weigh the longer one differently.
    expect(found[0]!.cosines[1]).toBeLessThan(0.999);
    expect(fake.weights).toEqual(weights);
    expect(fake.gradients.every((value) => value === 0)).toBe(true);
    expect(fake.calls.optimizer).toBe(0);
  });

  it('are the same in parts, where memory runs out', async () => {
    const { model } = await open();
    const whole = await lossGradients(model, scored(), ['grpo', 'vespo'], options, new Split());
    let failures = 2;
    const backward = model.backward;
    model.backward = (...given) =>
      failures-- > 0
        ? Promise.reject(Object.assign(new Error('no memory'), { code: 'OUT_OF_MEMORY' }))
        : backward(...given);
    const split = new Split({ sample: 1, score: 1, learn: 1 });
    await expect(lossGradients(model, scored(), ['grpo'], options, split)).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
    });
    failures = 1;
    const parted = await lossGradients(model, scored(), ['grpo', 'vespo'], options, new Split());
    parted.forEach(({ gradNorm, cosines }, i) => {
      expect(gradNorm).toBeCloseTo(whole[i]!.gradNorm, 6);
      cosines.forEach((cosine, j) => expect(cosine).toBeCloseTo(whole[i]!.cosines[j]!, 6));
    });
  });

  it('that are 0 have no angle', async () => {
    const { model } = await open();
    const [only] = await lossGradients(model, scored([0, 0]), ['grpo'], options, new Split());
    expect(only).toMatchObject({ gradNorm: 0, cosines: [null] });
  });

  it('follow the ratio to the policy that sampled', async () => {
    const { model } = await open();
    const [on] = await lossGradients(model, scored(), ['grpo'], options, new Split());
    // Likelier by far than when it was drawn: beyond the clipping range, and of a good completion.
    const [off] = await lossGradients(
      model,
      scored([1, 0], [-99, -99, -99, -99]),
      ['grpo'],
      options,
      new Split(),
    );
    expect(on!.gradNorm).toBeGreaterThan(0);
    expect(off!.gradNorm).toBe(0);
  });
});
