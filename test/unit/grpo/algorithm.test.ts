/** Advantages and losses that a program or a module brings. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import rloo from '../../../examples/rloo.js';
import { completeAlgorithm, loadAlgorithm, type Algorithm } from '../../../src/grpo/algorithm.js';
import { groupAdvantages } from '../../../src/grpo/advantages/index.js';
import { policyLoss } from '../../../src/grpo/losses/index.js';
import type { LossInput } from '../../../src/grpo/losses/types.js';
import type { Metrics } from '../../../src/grpo/metrics.js';
import { packageRoot } from '../../../src/machine/paths.js';
import { trainOptions } from '../../../src/experiments/train.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';
import { run } from '../../support/trainer.js';

const options = trainOptions({ numGenerations: 4 });
const lossOptions = { ...options, entropyCoef: null };
const groups = {
  rewardsPerFunction: [[1, 0, 0, 0, 1, 1, 1, 1]],
  rewards: Float64Array.of(1, 0, 0, 0, 1, 1, 1, 1),
  numGenerations: 4,
};
const input: LossInput = {
  logps: [-1, -2, -3],
  oldLogps: null,
  refLogps: [-1.1, -2.2, -2.9],
  entropies: [0.5, 1, 1.5],
  lengths: [1, 2],
  advantages: [1, -1],
  tokensInStep: 3,
};

async function stepsOf(extras: Algorithm, input: Parameters<typeof run>[0] = {}): Promise<Metrics[]> {
  const steps: Metrics[] = [];
  await run(
    { evalSamples: 0, maxSteps: 4, ...input },
    { save: false, onStep: (m) => void steps.push(m), ...extras },
  );
  return steps.map((step) =>
    Object.fromEntries(Object.entries(step).filter(([name]) => !/^time\/|_time$/.test(name))),
  ) as Metrics[];
}

describe('an algorithm of one’s own', () => {
  it('that does what the built-in one does gives the same run', async () => {
    const same = { advantages: groupAdvantages, loss: policyLoss };
    expect(await stepsOf(same)).toEqual(await stepsOf({}));
  });

  it('decides what is learned', async () => {
    const nothing: Algorithm = { advantages: ({ rewards }) => rewards.map(() => 0) };
    const [first] = await stepsOf(nothing, { beta: 0 });
    expect(first).toMatchObject({ loss: 0, grad_norm: 0 });
  });

  it('may leave out entropies and metrics', () => {
    const { loss } = completeAlgorithm({
      loss: ({ logps }) => ({ loss: 2, dLogps: new Float32Array(logps.length).fill(1) }),
    });
    const result = loss(input, lossOptions);
    expect(result).toMatchObject({ loss: 2, dEntropies: null, entropyActedOn: { sum: 3, tokens: 3 } });
    expect(result.metrics.entropy).toBe(1);
    // The mean of exp(gap) - gap - 1 over gaps of -0.1, -0.2 and 0.1.
    expect(result.metrics.kl).toBeCloseTo((0.0048374 + 0.0187308 + 0.0051709) / 3, 6);
  });

  it.each<[string, Algorithm, string]>([
    ['too few advantages', { advantages: () => Float64Array.of(1) }, 'ALGORITHM_RESULT'],
    ['advantages of NaN', { advantages: ({ rewards }) => rewards.map(() => NaN) }, 'ALGORITHM_RESULT'],
    ['a loss without a number', { loss: () => ({}) as never }, 'ALGORITHM_RESULT'],
    ['a loss without derivatives', { loss: () => ({ loss: 1 }) as never }, 'ALGORITHM_RESULT'],
    [
      'derivatives of NaN',
      { loss: ({ logps }) => ({ loss: 1, dLogps: new Float32Array(logps.length).fill(NaN) }) },
      'ALGORITHM_RESULT',
    ],
    [
      'a function that throws',
      {
        loss: () => {
          throw new Error('mine');
        },
      },
      'ALGORITHM_FAILED',
    ],
    // What is no number at all is left to on_nonfinite.
    [
      'a loss of NaN',
      { loss: ({ logps }) => ({ loss: NaN, dLogps: new Float32Array(logps.length).fill(NaN) }) },
      'DIVERGED',
    ],
  ])('with %s ends with %s', async (_, algorithm, code) => {
    expect(await codeOf(stepsOf(algorithm))).toBe(code);
  });

  it.each([
    ['export default 3', 'ALGORITHM'],
    ['export default {}', 'ALGORITHM'],
    ['export default { advantage: () => [] }', 'ALGORITHM'],
    ['export default { loss: 1 }', 'ALGORITHM'],
    ['export const loss = 1', 'MODULE_FAILED'],
  ])('in a module that says %j is refused', async (text, code) => {
    const file = join(temporaryFolder(), 'mine.mjs');
    writeFileSync(file, text);
    expect(await codeOf(loadAlgorithm(file))).toBe(code);
    expect(await codeOf(stepsOf({}, { algorithm: file }))).toBe(code);
  });
});

describe('examples/rloo.ts', () => {
  it('has the paper’s advantages and loss', () => {
    const advantages = completeAlgorithm(rloo).advantages(groups, options);
    const third = 1 / 3;
    expect([...advantages].map((value) => value.toFixed(9))).toEqual(
      [1, -third, -third, -third, 0, 0, 0, 0].map((value) => value.toFixed(9)),
    );
    const { loss, dLogps } = completeAlgorithm(rloo).loss({ ...input, refLogps: null }, lossOptions);
    // Ratios are 1: -(1 * 1 - 1 * 2) / 2 completions.
    expect(loss).toBeCloseTo(0.5, 12);
    expect([...dLogps]).toEqual([-0.5, 0.5, 0.5]);
  });

  it('teaches, named on the command line', async () => {
    const algorithm = join(packageRoot(), 'examples', 'rloo.ts');
    const steps = await stepsOf({}, { algorithm, maxSteps: 20, beta: 0.01 });
    const reward = (part: Metrics[]) => part.reduce((sum, step) => sum + step.reward!, 0) / part.length;
    expect(reward(steps.slice(-4))).toBeGreaterThan(reward(steps.slice(0, 4)) + 0.2);
    expect(steps).not.toEqual(await stepsOf({}, { maxSteps: 20, beta: 0.01 }));
  });
});
