/** Cases that TRL itself was asked for (scripts/make-trl-reference.py), beside those of grpo-loss.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { camelKeys } from '../../../src/config/names.js';
import { type TrainInput } from '../../../src/run/train-options.js';
import { trainOptions } from '../../../src/experiments/train.js';
import { EntropyBonus } from '../../../src/grpo/adaptive-entropy.js';
import { type AdvantageOptions } from '../../../src/grpo/advantages/types.js';
import { mean, standardDeviation } from '../../../src/grpo/advantages/statistics.js';
import { computeAdvantages } from '../../../src/grpo/advantages/index.js';
import { policyLoss } from '../../../src/grpo/losses/index.js';
import { type LossInput, type LossMetrics, type LossOptions } from '../../../src/grpo/losses/types.js';
import { fixtures } from '../../support/fixtures.js';

interface Given {
  lengths: number[];
  shape: [number, number];
  max_completion_length: number;
  logps: number[];
  old_logps: number[];
  ref_logps: number[];
  entropies: number[];
}
interface Case {
  options: Record<string, unknown>;
  use_old_logps: boolean;
  /** Completions that the loss leaves out. */
  masked: number[];
  /** Accumulated parts of the step. */
  parts: number;
  advantages: number[];
  loss: number;
  dloss_dlogps: number[];
  dloss_dentropies: number[] | null;
  metrics: Record<string, number>;
}
interface Reference {
  cases: Case[];
  adaptive_entropy: {
    options: Record<string, unknown>;
    steps: { entropy_target: number; loss: number; entropy_coef: number; d_entropy: number }[];
  };
  multi_reward: {
    multi_objective_aggregation: AdvantageOptions['multiObjectiveAggregation'];
    scale_rewards: AdvantageOptions['scaleRewards'];
    reward_weights: number[] | null;
    num_generations: number;
    rewards: (number | null)[][];
    advantages: number[];
    metrics: Record<string, number>;
  }[];
}

/** Absolute. */
const TOLERANCE = 1e-5;
const read = (name: string): unknown => JSON.parse(readFileSync(join(fixtures, name), 'utf8'));
const given = read('grpo-loss.json') as Given;
const reference = read('trl-losses.json') as Reference;
const [rows, width] = given.shape;

/** Rows padded on the right -> tokens of completions [from, to), one after another. */
const packed = (values: number[], from = 0, to = rows): number[] =>
  given.lengths
    .slice(from, to)
    .flatMap((length, i) => values.slice((from + i) * width, (from + i) * width + length));

function optionsOf(options: Record<string, unknown>, parts: number): LossOptions {
  const resolved = trainOptions({
    maxCompletionLength: given.max_completion_length,
    gradientAccumulationSteps: parts,
    batchSize: 16 * parts,
    ...(camelKeys(options) as TrainInput),
  });
  return { ...resolved, entropyCoef: new EntropyBonus(resolved).applied };
}

function inputOf(c: Pick<Case, 'use_old_logps' | 'masked' | 'advantages'>, from = 0, to = rows): LossInput {
  return {
    logps: packed(given.logps, from, to),
    oldLogps: c.use_old_logps ? packed(given.old_logps, from, to) : null,
    refLogps: packed(given.ref_logps, from, to),
    entropies: packed(given.entropies, from, to),
    lengths: given.lengths.slice(from, to),
    advantages: c.advantages.slice(from, to),
    masked: given.lengths.map((_, i) => c.masked.includes(i)).slice(from, to),
    tokensInStep: given.lengths.reduce((sum, length, i) => sum + (c.masked.includes(i) ? 0 : length), 0),
  };
}

/** All parts of a step, one after another. */
function stepOf(c: Case) {
  const options = optionsOf(c.options, c.parts);
  const size = rows / c.parts;
  const results = Array.from({ length: c.parts }, (_, i) =>
    policyLoss(inputOf(c, i * size, (i + 1) * size), options),
  );
  const all = results.map(({ metrics }) => metrics);
  const averaged = (name: string) =>
    all.reduce((sum, metrics) => sum + metrics[name as keyof LossMetrics]!, 0) / all.length;
  return {
    loss: results.reduce((sum, { loss }) => sum + loss, 0),
    dLogps: results.flatMap(({ dLogps }) => [...dLogps]),
    dEntropies: results.flatMap(({ dEntropies }) => (dEntropies ? [...dEntropies] : [])),
    averaged,
  };
}

const label = (c: Case): string =>
  `${JSON.stringify(c.options)}, masked ${c.masked.join() || 'none'}, ${c.parts} parts`;

describe('losses agree with TRL', () => {
  it.each(reference.cases.map((c) => [label(c), c] as const))('%s', (_, c) => {
    const step = stepOf(c);
    expect(Math.abs(step.loss - c.loss)).toBeLessThan(TOLERANCE);
    packed(c.dloss_dlogps).forEach((value, i) =>
      expect(Math.abs(step.dLogps[i]! - value), `token ${i}`).toBeLessThan(TOLERANCE),
    );
    const entropies = c.dloss_dentropies === null ? [] : packed(c.dloss_dentropies);
    expect(step.dEntropies).toHaveLength(entropies.length);
    entropies.forEach((value, i) => expect(Math.abs(step.dEntropies[i]! - value)).toBeLessThan(TOLERANCE));
    for (const [name, value] of Object.entries(c.metrics)) {
      if (name === 'entropy_coef') continue; // the trainer's own
      expect(Math.abs(step.averaged(name) - value), name).toBeLessThan(TOLERANCE);
    }
  });
});

/** A KL that is multiplied by the ratio is differentiated with it, so that it can't be held for cispo and vespo. */
const differentiable = reference.cases.filter(
  ({ parts, options }) =>
    parts === 1 &&
    !(options.use_bias_correction_kl === true && ['cispo', 'vespo'].includes(options.loss_type as string)),
);

describe('derivatives agree with finite differences', () => {
  const H = 1e-6;
  it.each(differentiable.map((c) => [label(c), c] as const))('%s', (_, c) => {
    const input = inputOf(c);
    const options = optionsOf(c.options, 1);
    // pi_old is held. Where the ratio itself is not differentiated it moves along, so that the ratio stays.
    const moves = c.options.loss_type === 'cispo' || c.options.loss_type === 'vespo';
    const old = Array.from(input.oldLogps ?? input.logps);
    const { dLogps } = policyLoss({ ...input, oldLogps: old }, options);
    const nudged = (values: ArrayLike<number>, i: number, by: number) =>
      Array.from(values, (value, k) => (k === i ? value + by : value));
    const lossAt = (i: number, by: number) =>
      policyLoss(
        { ...input, logps: nudged(input.logps, i, by), oldLogps: moves ? nudged(old, i, by) : old },
        options,
      ).loss;
    for (let i = 0; i < old.length; i += 5)
      expect(Math.abs((lossAt(i, H) - lossAt(i, -H)) / (2 * H) - dLogps[i]!)).toBeLessThan(1e-6);
  });
});

it("moves the entropy bonus's weight as TRL does", () => {
  const { options, steps } = reference.adaptive_entropy;
  const c = {
    use_old_logps: true,
    masked: [],
    advantages: reference.cases.find(({ masked }) => masked.length === 0)!.advantages,
  };
  let memory: ReturnType<EntropyBonus['remember']> | undefined;
  for (const expected of steps) {
    const resolved = trainOptions({
      maxCompletionLength: given.max_completion_length,
      ...(camelKeys({ ...options, entropy_target: expected.entropy_target }) as TrainInput),
    });
    // Each step takes up what the one before it left, as a resumed run does.
    const bonus = new EntropyBonus(resolved, memory);
    const { loss, dEntropies, entropyActedOn } = policyLoss(inputOf(c), {
      ...resolved,
      entropyCoef: bonus.applied,
    });
    expect(Math.abs(loss - expected.loss)).toBeLessThan(TOLERANCE);
    expect(Math.abs((dEntropies?.[0] ?? 0) - expected.d_entropy)).toBeLessThan(TOLERANCE);
    bonus.update(entropyActedOn);
    expect(bonus.coef).toBeCloseTo(expected.entropy_coef, 10);
    memory = bonus.remember();
  }
  expect(new Set(steps.map(({ d_entropy }) => d_entropy !== 0)).size).toBe(2);
});

describe('advantages of several rewards agree with TRL', () => {
  it.each(
    reference.multi_reward.map(
      (c) =>
        [
          `${c.multi_objective_aggregation}, ${c.scale_rewards}, ${JSON.stringify(c.reward_weights)}`,
          c,
        ] as const,
    ),
  )('%s', (_, c) => {
    const perFunction = c.rewards.map((values) => values.map((value) => value ?? NaN));
    const { values, rewards, flat } = computeAdvantages(perFunction, {
      numGenerations: c.num_generations,
      scaleRewards: c.scale_rewards,
      rewardWeights: c.reward_weights,
      multiObjectiveAggregation: c.multi_objective_aggregation!,
    });
    c.advantages.forEach((value, i) => expect(Math.abs(values[i]! - value)).toBeLessThan(1e-4));
    expect(mean(rewards)).toBeCloseTo(c.metrics.reward!, 4);
    expect(standardDeviation(rewards)).toBeCloseTo(c.metrics.reward_std!, 4);
    expect(flat.filter(Boolean).length / flat.length).toBeCloseTo(c.metrics.frac_reward_zero_std!, 6);
    ['length', 'vowels', 'some'].forEach((name, k) => {
      const own = Float64Array.from(perFunction[k]!);
      expect(mean(own)).toBeCloseTo(c.metrics[`rewards/${name}/mean`]!, 4);
      expect(standardDeviation(own)).toBeCloseTo(c.metrics[`rewards/${name}/std`]!, 4);
    });
  });

  it('have cases in which a function says nothing', () => {
    expect(reference.multi_reward.some(({ rewards }) => rewards.flat().includes(null))).toBe(true);
  });
});
