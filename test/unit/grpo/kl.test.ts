/** The KL over the vocabulary in the losses, and in whole runs without the addon. */
import { describe, expect, it } from 'vitest';
import { completeAlgorithm } from '../../../src/grpo/algorithm.js';
import { policyLoss } from '../../../src/grpo/losses/index.js';
import {
  IMPORTANCE_SAMPLING_LEVELS,
  LOSS_TYPES,
  type LossInput,
  type LossOptions,
} from '../../../src/grpo/losses/types.js';
import type { Metrics } from '../../../src/grpo/metrics.js';
import { trainOptions } from '../../../src/experiments/train.js';
import type { TrainInput } from '../../../src/run/train-options.js';
import { fakeModel } from '../../support/fake-model.js';
import { codeOf } from '../../support/fixtures.js';
import { run } from '../../support/trainer.js';

const KLS = [0.3, 0.1, 0.5, 0.05, 0.2, 0.7];
const input: LossInput = {
  logps: [-1, -2, -3, -0.5, -0.7, -1.5],
  oldLogps: [-1.1, -1.9, -3.2, -0.5, -0.8, -1.5],
  refLogps: null,
  kls: KLS,
  entropies: [0.5, 1, 1.5, 0.2, 0.3, 0.4],
  lengths: [1, 2, 1, 2],
  advantages: [1, -1, 0.5, -0.5],
  weights: [2, 0.5, 1, 1],
  masked: [false, false, false, true],
  tokensInStep: 4,
};
const options: LossOptions = { ...trainOptions({ beta: 0.3, klEstimator: 'exact' }), entropyCoef: null };

describe('a loss with the KL over the vocabulary', () => {
  const kinds = LOSS_TYPES.flatMap((lossType) =>
    IMPORTANCE_SAMPLING_LEVELS.map((importanceSamplingLevel) => ({ lossType, importanceSamplingLevel })),
  );
  it.each(kinds)('adds beta times it, by the weight of each token: %j', (kind) => {
    const { loss, dLogps, dKls } = policyLoss(input, { ...options, ...kind });
    const plain = policyLoss({ ...input, kls: null }, { ...options, ...kind, beta: 0 });
    // The loss is linear in it, and the log-probs of drawn tokens have no part in it.
    expect(dLogps).toEqual(plain.dLogps);
    expect(loss - plain.loss).toBeCloseTo(
      KLS.reduce((sum, kl, i) => sum + kl * dKls![i]!, 0),
      6,
    );
    KLS.forEach((_, i) => {
      const kls = KLS.map((kl, j) => (i === j ? kl + 1 : kl));
      const slope = policyLoss({ ...input, kls }, { ...options, ...kind }).loss - loss;
      expect(dKls![i]).toBeCloseTo(slope, 6);
    });
    // A completion that counts four times as much, and one that is left out.
    const perToken = ['grpo', 'sapo'].includes(kind.lossType) ? 2 : 1;
    expect(dKls![0]).toBeCloseTo(4 * perToken * dKls![1]!, 6);
    expect(dKls!.slice(4)).toEqual(new Float32Array(2));
  });

  it('tells its mean over tokens by the weights of their completions', () => {
    const { kl } = policyLoss(input, options).metrics;
    expect(kl).toBeCloseTo((2 * 0.3 + 0.5 * (0.1 + 0.5) + 0.05) / (2 + 2 * 0.5 + 1), 12);
  });

  it('has no derivative where beta is 0, and none by k3', () => {
    expect(policyLoss(input, { ...options, beta: 0 }).dKls).toBeNull();
    expect(policyLoss({ ...input, kls: null, refLogps: input.logps }, options).dKls).toBeNull();
  });

  it('of one’s own may have it, and is checked', async () => {
    const own = (dKls: number[]) =>
      completeAlgorithm({
        loss: ({ logps }) => ({
          loss: 1,
          dLogps: new Float32Array(logps.length),
          dKls: new Float32Array(dKls),
        }),
      }).loss(input, options);
    expect(own([1, 2, 3, 4, 5, 6])).toMatchObject({ dKls: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(own([1, 2, 3, 4, 5, 6]).metrics.kl).toBeCloseTo(KLS.reduce((a, b) => a + b) / 6, 12);
    const called = (dKls: number[]) => Promise.resolve().then(() => own(dKls));
    expect(await codeOf(called([1]))).toBe('ALGORITHM_RESULT');
    expect(await codeOf(called([1, 2, NaN, 4, 5, 6]))).toBe('ALGORITHM_RESULT');
  });
});

async function stepsOf(more: TrainInput = {}, model = fakeModel()): Promise<Metrics[]> {
  const steps: Metrics[] = [];
  await run(
    { klEstimator: 'exact', beta: 0.5, evalSamples: 0, ...more },
    { model: await model, save: false, onStep: (metrics) => void steps.push(metrics) },
  );
  return steps;
}

describe('a run with the KL over the vocabulary', () => {
  it('holds the policy to the reference, and estimates nothing', async () => {
    const model = await fakeModel();
    const steps = await stepsOf({}, Promise.resolve(model));
    expect(steps[0]!.kl).toBe(0);
    for (const { kl } of steps.slice(1)) expect(kl).toBeGreaterThan(0);
    expect(model.calls.score).toBe(0);
    const free = await stepsOf({ beta: 1e-6 });
    const last = (all: Metrics[]) => all.at(-1)!.kl!;
    expect(last(await stepsOf({ beta: 5 }))).toBeLessThan(0.7 * last(free));
  });

  it('takes the same steps by accumulated parts, and where memory runs out', async () => {
    const whole = await stepsOf();
    const accumulated = await stepsOf({ gradientAccumulationSteps: 2 });
    const model = await fakeModel();
    const backward = model.backward.bind(model);
    let failures = 2;
    model.backward = (...given) =>
      failures-- > 0
        ? Promise.reject(Object.assign(new Error('no memory'), { code: 'OUT_OF_MEMORY' }))
        : backward(...given);
    const split = await stepsOf({}, Promise.resolve(model));
    expect(split[0]!.parts).toBe(4);
    whole.forEach(({ loss, kl, grad_norm }, i) => {
      for (const other of [accumulated[i]!, split[i]!]) {
        expect(other.loss).toBeCloseTo(loss!, 6);
        expect(other.grad_norm).toBeCloseTo(grad_norm!, 6);
      }
      expect(split[i]!.kl).toBeCloseTo(kl!, 6);
    });
  });

  it('can’t correct the bias of an estimate', async () => {
    expect(await codeOf(stepsOf({ useBiasCorrectionKl: true }))).toBe('BAD_COMBINATION');
  });
});
