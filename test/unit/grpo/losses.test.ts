import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ScaleRewards } from '../../../src/grpo/advantages/types.js';
import { computeAdvantages } from '../../../src/grpo/advantages/index.js';
import { type TrainInput } from '../../../src/run/train-options.js';
import { trainOptions } from '../../../src/experiments/train.js';
import { camelKeys } from '../../../src/config/names.js';
import { policyLoss } from '../../../src/grpo/losses/index.js';
import { LOSS_TYPES, type LossInput, type LossOptions } from '../../../src/grpo/losses/types.js';
import { fixtures } from '../../support/fixtures.js';

interface Case {
  options: {
    loss_type: string;
    beta: number;
    epsilon: number;
    epsilon_high: number;
    scale_rewards: ScaleRewards;
    use_bias_correction_kl: boolean;
    entropy_coef?: number;
  } & Record<string, unknown>;
  use_old_logps: boolean;
  advantages: number[];
  loss: number;
  dloss_dlogps: number[];
  dloss_dentropies: number[] | null;
  metrics: Record<string, number>;
}
interface Reference {
  rewards: number[];
  group_size: number;
  max_completion_length: number;
  lengths: number[];
  shape: [number, number];
  logps: number[];
  old_logps: number[];
  ref_logps: number[];
  entropies: number[];
  cases: Case[];
}

const TOLERANCE = 1e-5;
const reference = JSON.parse(readFileSync(join(fixtures, 'grpo-loss.json'), 'utf8')) as Reference;
const { cases } = reference;

/** Rows padded on the right -> tokens one after another. */
function packed(rows: number[]): number[] {
  const width = reference.shape[1];
  return reference.lengths.flatMap((length, row) => rows.slice(row * width, row * width + length));
}

function inputOf(c: Case): LossInput {
  const logps = packed(reference.logps);
  return {
    logps,
    oldLogps: c.use_old_logps ? packed(reference.old_logps) : null,
    refLogps: packed(reference.ref_logps),
    entropies: packed(reference.entropies),
    lengths: reference.lengths,
    advantages: c.advantages,
    tokensInStep: logps.length,
  };
}

function optionsOf({ options }: Case): LossOptions {
  const given = trainOptions({
    maxCompletionLength: reference.max_completion_length,
    ...(camelKeys(options) as TrainInput),
  });
  return { ...given, entropyCoef: given.entropyCoef === 0 ? null : given.entropyCoef };
}

const label = (c: Case): string => `${JSON.stringify(c.options)}${c.use_old_logps ? ' off-policy' : ''}`;

describe('losses agree with TRL', () => {
  it('has cases of every loss type', () => {
    expect(new Set(cases.map(({ options }) => options.loss_type))).toEqual(new Set(LOSS_TYPES));
  });

  it.each(cases.map((c) => [label(c), c] as const))('%s', (_, c) => {
    const advantages = computeAdvantages([reference.rewards], {
      numGenerations: reference.group_size,
      scaleRewards: c.options.scale_rewards,
    });
    advantages.values.forEach((value, i) =>
      expect(Math.abs(value - c.advantages[i]!)).toBeLessThan(TOLERANCE),
    );

    const result = policyLoss(inputOf(c), optionsOf(c));
    expect(Math.abs(result.loss - c.loss)).toBeLessThan(TOLERANCE);
    packed(c.dloss_dlogps).forEach((value, i) =>
      expect(Math.abs(result.dLogps[i]! - value)).toBeLessThan(TOLERANCE),
    );
    if (c.dloss_dentropies) {
      packed(c.dloss_dentropies).forEach((value, i) =>
        expect(Math.abs(result.dEntropies![i]! - value)).toBeLessThan(TOLERANCE),
      );
    } else {
      expect(result.dEntropies).toBeNull();
    }
    const metrics = result.metrics as unknown as Record<string, number>;
    for (const [name, value] of Object.entries(c.metrics)) {
      if (name === 'entropy_coef') continue; // an option that TRL logs
      expect(Math.abs(metrics[name]! - value), name).toBeLessThan(TOLERANCE);
    }
  });
});

describe('derivatives agree with finite differences', () => {
  const H = 1e-6;
  const nudged = (values: ArrayLike<number>, i: number, by: number): number[] =>
    Array.from(values, (value, j) => (i === j ? value + by : value));

  it.each(cases.map((c) => [label(c), c] as const))('%s', (_, c) => {
    const input = inputOf(c);
    // Where the ratio is not differentiated, pi_old moves along, so that the ratio stays.
    const moves = ['cispo', 'vespo'].includes(c.options.loss_type);
    // Without old log-probs pi_old is pi itself, held still while pi moves.
    const still = { ...input, oldLogps: input.oldLogps ?? Array.from(input.logps) };
    for (const gradientAccumulationSteps of [1, 4]) {
      const options = { ...optionsOf(c), gradientAccumulationSteps };
      const { dLogps, dEntropies } = policyLoss(still, options);
      for (let i = 0; i < input.logps.length; i += 3) {
        const lossAt = (by: number) =>
          policyLoss(
            {
              ...still,
              logps: nudged(input.logps, i, by),
              oldLogps: moves ? nudged(still.oldLogps, i, by) : still.oldLogps,
            },
            options,
          ).loss;
        expect(Math.abs((lossAt(H) - lossAt(-H)) / (2 * H) - dLogps[i]!)).toBeLessThan(1e-6);
        const entropyAt = (by: number) =>
          policyLoss({ ...still, entropies: nudged(input.entropies, i, by) }, options).loss;
        expect(Math.abs((entropyAt(H) - entropyAt(-H)) / (2 * H) - (dEntropies?.[i] ?? 0))).toBeLessThan(
          1e-6,
        );
      }
    }
  });
});
