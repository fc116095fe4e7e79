/** Estimators of the gradient, on a policy over a handful of completions whose true gradient is a sum. */
import { describe, expect, it } from 'vitest';
import { generator } from '../../../src/common/random.js';
import { computeAdvantages } from '../../../src/grpo/advantages/index.js';
import { firstOccurrences, knowledgeOf, occurrences } from '../../../src/grpo/estimators/groups.js';
import { estimatorOf } from '../../../src/grpo/estimators/index.js';
import type { DrawnGroups, EstimatorName } from '../../../src/grpo/estimators/types.js';
import { drawWeighted, learnability, updated } from '../../../src/grpo/problem-sampling/posterior.js';
import { policyLoss } from '../../../src/grpo/losses/index.js';
import { trainOptions } from '../../../src/experiments/train.js';

/** π(y) and f(y) of completions 0 to 4. */
const POLICY = [0.5, 0.25, 0.15, 0.07, 0.03];
const VALUES = [1, -2, 3, -4, 10];
const truth = POLICY.reduce((sum, p, y) => sum + p * VALUES[y]!, 0);

/** Draws from the policy. */
function draws(count: number, key: string, policy = POLICY): number[] {
  const below = generator(key);
  return Array.from({ length: count }, () => {
    let u = below(2 ** 30) / 2 ** 30;
    return policy.findIndex((p) => (u -= p) < 0);
  });
}

function drawnGroups(completions: number[], numGenerations: number): DrawnGroups {
  return {
    numGenerations,
    logps: Float64Array.from(completions, (y) => Math.log(POLICY[y]!)),
    first: firstOccurrences(
      completions.map((y) => [y, 7]),
      numGenerations,
    ),
  };
}

const SEEDS = 20_000;
/** Mean and standard error of the estimate of E[f] over many groups. */
function estimates(name: EstimatorName, G: number): { mean: number; error: number } {
  const completions = draws(SEEDS * G, `${name} ${G}`);
  const weights = estimatorOf(name)(drawnGroups(completions, G));
  const each = Array.from({ length: SEEDS }, (_, s) => {
    let sum = 0;
    for (let i = s * G; i < (s + 1) * G; i++) sum += weights[i]! * VALUES[completions[i]!]!;
    return sum / G;
  });
  const mean = each.reduce((a, b) => a + b, 0) / SEEDS;
  const variance = each.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (SEEDS - 1);
  return { mean, error: Math.sqrt(variance / SEEDS) };
}

describe('an estimator', () => {
  it.each(['counts', 'rao_blackwell'] as const)('%s is unbiased', (name) => {
    for (const G of [2, 5, 8]) {
      const { mean, error } = estimates(name, G);
      expect(Math.abs(mean - truth)).toBeLessThan(4 * error);
    }
  });

  it('rao_blackwell varies less than counts, and weighs as much in all', () => {
    const ratio = (G: number) => estimates('rao_blackwell', G).error / estimates('counts', G).error;
    expect(ratio(4)).toBeLessThan(0.95);
    expect(ratio(32)).toBeLessThan(0.6);
    const weights = estimatorOf('rao_blackwell')(drawnGroups([0, 0, 2, 0, 4, 4, 1, 1], 4));
    expect(weights.slice(0, 4).reduce((a, b) => a + b)).toBeCloseTo(4, 10);
    // Of 4 draws that are all 0 or all 2, with both: E[n(0)] from all ways to draw them.
    const ways = [1, 2, 3].map((n) => ({ n, p: 0.5 ** n * 0.15 ** (4 - n) * [4, 6, 4][n - 1]! }));
    const whole = ways.reduce((sum, { p }) => sum + p, 0);
    expect(weights[0]! + weights[1]! + weights[3]!).toBeCloseTo(
      ways.reduce((sum, { n, p }) => sum + n * p, 0) / whole,
      10,
    );
  }, 60_000);

  it('rao_blackwell weighs hundreds of draws, rare ones among them', () => {
    const G = 600;
    const drawn = [4, ...Array.from({ length: G - 1 }, (_, i) => (i < 500 ? 0 : 1))];
    const groups = drawnGroups(drawn, G);
    groups.logps[0] = -900;
    const weights = estimatorOf('rao_blackwell')(groups);
    expect(weights.reduce((a, b) => a + b)).toBeCloseTo(G, 6);
    // One that is this rare was drawn once; of the others two in three.
    expect(weights[0]).toBeCloseTo(1, 6);
    expect(weights[1]! * 500).toBeCloseTo((2 / 3) * (G - 1), 3);
  });

  it('exact gives the sum over what was drawn, whatever it was drawn from and how often', () => {
    const drawn = drawnGroups([0, 0, 2, 0, 4, 4, 1, 1], 4);
    const weights = estimatorOf('exact')(drawn);
    const of = (group: number, f: (y: number) => number, ys: number[]) =>
      ys.reduce((sum, y, i) => sum + (weights[group * 4 + i]! * f(y)) / 4, 0);
    expect(of(0, (y) => VALUES[y]!, [0, 0, 2, 0])).toBeCloseTo(0.5 * 1 + 0.15 * 3, 12);
    expect(of(1, () => 1, [4, 4, 1, 1])).toBeCloseTo(0.03 + 0.25, 12);
  });
});

describe('what a group tells', () => {
  it('are coverage and exact bounds on pass@1', () => {
    const drawn = drawnGroups([0, 0, 2, 0], 4);
    const [group] = knowledgeOf(drawn, [false, false, true, false]);
    expect(group!.coverage).toBeCloseTo(0.65, 12);
    expect(group!.passAt1Low).toBeCloseTo(0.15, 12);
    expect(group!.passAt1High).toBeCloseTo(0.5, 12);
    expect([...occurrences(drawn)]).toEqual([3, 3, 1, 3]);
  });

  it('keeps groups apart', () => {
    expect([...firstOccurrences([[1], [1], [1], [2]], 2)]).toEqual([0, 0, 2, 3]);
  });
});

describe('baselines', () => {
  const drawn = drawnGroups([0, 0, 1, 2], 4);
  const rewards = [[1, 1, 0, 1]];
  const values = (options: object) =>
    [
      ...computeAdvantages(rewards, { numGenerations: 4, scaleRewards: 'none', ...options }, undefined, drawn)
        .values,
    ].map((value) => Math.round(value * 1e9) / 1e9);

  it('mean is the mean of the group by the estimator’s weights', () => {
    expect(values({})).toEqual([0.25, 0.25, -0.75, 0.25]);
    const b = (0.5 + 0.15) / 0.9;
    expect(values({ estimator: 'exact' })[2]).toBeCloseTo(-b, 8);
  });

  it('leave_one_out is the mean of the others', () => {
    expect(values({ baseline: 'leave_one_out' })).toEqual(
      [1 - 2 / 3, 1 - 2 / 3, -1, 1 - 2 / 3].map((value) => Math.round(value * 1e9) / 1e9),
    );
    // By exact weights the same completion, drawn twice, is no other one.
    expect(values({ baseline: 'leave_one_out', estimator: 'exact' })[0]).toBeCloseTo(1 - 0.15 / 0.4, 8);
  });

  it('makes MaxRL of a division by the mean reward', () => {
    const scaled = { scaleRewards: 'mean', estimator: 'exact' };
    const [right, , wrong] = values(scaled);
    const p = (0.5 + 0.15) / 0.9;
    expect(right).toBeCloseTo((1 - p) / p, 8);
    expect(wrong).toBeCloseTo(-1, 8);
    // Rewards of -1 and 1 are the same problem.
    const signed = computeAdvantages(
      [[1, 1, -1, 1]],
      { numGenerations: 4, scaleRewards: 'mean', estimator: 'exact' },
      undefined,
      drawn,
    );
    expect(signed.values[0]).toBeCloseTo((1 - p) / p, 8);
  });
});

describe('a weight in the loss', () => {
  const options = { ...trainOptions({ beta: 0.3, numGenerations: 2 }), entropyCoef: null };
  const input = {
    logps: [-1, -2, -3, -0.5],
    oldLogps: [-1.1, -1.9, -3, -0.4],
    refLogps: [-1.1, -2.2, -2.9, -0.7],
    entropies: [0.5, 1, 1.5, 0.2],
    lengths: [3, 1],
    advantages: [1, -1],
    tokensInStep: 4,
  };

  it('multiplies the surrogate and the KL of its completion', () => {
    const plain = policyLoss(input, options);
    const weighted = policyLoss({ ...input, weights: [2, 0.5] }, options);
    [2, 2, 2, 0.5].forEach((weight, token) => {
      expect(weighted.dLogps[token]).toBeCloseTo(weight * plain.dLogps[token]!, 6);
    });
    expect(policyLoss({ ...input, weights: [1, 1] }, options)).toEqual(plain);
  });

  it('has the derivatives of finite differences', () => {
    const weights = [1.7, 0.3];
    const { dLogps } = policyLoss({ ...input, weights }, options);
    input.logps.forEach((_, token) => {
      const at = (change: number) =>
        policyLoss(
          { ...input, weights, logps: input.logps.map((logp, i) => (i === token ? logp + change : logp)) },
          options,
        ).loss;
      expect((at(1e-5) - at(-1e-5)) / 2e-5).toBeCloseTo(dLogps[token]!, 6);
    });
  });
});

describe('the choice of problems by what they can teach', () => {
  const group = (coverage: number, passAt1Low: number) => ({
    coverage,
    passAt1Low,
    passAt1High: passAt1Low + 1 - coverage,
    right: 0,
    wrong: 16,
  });

  it('is p (1 - p) in expectation under the posterior', () => {
    expect(learnability(undefined, 1, 50)).toBeCloseTo(1 / 6, 12);
    const half = learnability(updated(undefined, 1, group(1, 0.5), 50), 1, 50);
    const solved = learnability(updated(undefined, 1, group(1, 1), 50), 1, 50);
    expect(half).toBeCloseTo(0.25 * (66 / 67), 3);
    expect(solved).toBeLessThan(0.02);
    // What is known fades: a solved problem comes back.
    const history = updated(undefined, 1, group(1, 1), 50);
    expect(learnability(history, 501, 50)).toBeGreaterThan(0.15);
    // What no draw has shown is not known.
    const little = { ...group(0.01, 0), wrong: 1 };
    expect(learnability(updated(undefined, 1, little, 50), 1, 50)).toBeGreaterThan(0.12);
  });

  it('counts completions where they are too long to cover much of the policy', () => {
    const long = { coverage: 0, passAt1Low: 0, passAt1High: 1, right: 4, wrong: 12 };
    expect(updated(undefined, 1, long, 50)).toEqual({ right: 4, wrong: 12, step: 1 });
  });

  it('adds to what is known, less of it the older it is', () => {
    const first = updated(undefined, 10, group(1, 0.25), 5);
    const second = updated(first, 15, group(1, 0.75), 5);
    expect(second).toEqual({ right: 16 / 2 + 48, wrong: 48 / 2 + 16, step: 15 });
  });

  it('draws different ones, in proportion to their weights', () => {
    const weights = [1, 2, 4, 0.5];
    const counts = [0, 0, 0, 0];
    const N = 8000;
    for (let i = 0; i < N; i++) counts[drawWeighted(weights, 1, `seed ${i}`)[0]!]!++;
    const sum = weights.reduce((a, b) => a + b);
    counts.forEach((count, item) => {
      const expected = (N * weights[item]!) / sum;
      expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
    });
    expect(new Set(drawWeighted(weights, 4, 'all')).size).toBe(4);
    expect(drawWeighted(weights, 2, 'a')).toEqual(drawWeighted(weights, 2, 'a'));
  });
});
