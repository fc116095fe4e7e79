/** How far from the true gradient each estimator is, for one prompt, over many groups of draws. */
import { generator } from '../../src/common/random.js';
import { computeAdvantages } from '../../src/grpo/advantages/index.js';
import type { Baseline } from '../../src/grpo/advantages/types.js';
import { firstOccurrences } from '../../src/grpo/estimators/groups.js';
import type { DrawnGroups, EstimatorName } from '../../src/grpo/estimators/types.js';
import type { SamplingMethod } from '../../src/engine/types.js';
import type { Distribution } from './distribution.js';
import { groupOf, treeOf } from './draws.js';

/** A way to estimate. */
export interface Way {
  name: string;
  method: SamplingMethod;
  /** `sampling_coverage` */
  coverage: number;
  estimator: EstimatorName;
  baseline: Baseline;
  /** Whether draws come from the policy, or from the other temperature. */
  draws: 'policy' | 'other';
}

const way = (name: string, estimator: EstimatorName, more: Partial<Way> = {}): Way => ({
  name,
  method: 'independent',
  estimator,
  coverage: 1,
  baseline: 'mean',
  draws: 'policy',
  ...more,
});

export const WAYS: readonly Way[] = [
  way('counts, group mean (GRPO)', 'counts'),
  way('counts, leave one out (RLOO)', 'counts', { baseline: 'leave_one_out' }),
  way('Rao-Blackwell, group mean', 'rao_blackwell'),
  way('exact, policy’s draws', 'exact'),
  way('exact, draws at 1.0', 'exact', { draws: 'other' }),
  way('exact, most probable', 'exact', { method: 'most_probable' }),
  way('exact, most probable to 99%', 'exact', { method: 'most_probable', coverage: 0.99 }),
  way('exact, without replacement', 'exact', { method: 'without_replacement' }),
];

/** Errors relative to the norm of the true gradient; means over prompts are taken of these. */
export interface Errors {
  /** |E g - g*| / |g*|. */
  bias: number;
  /** tr Cov g / |g*|^2. */
  variance: number;
  /** Mean cosine between g and g*; groups without spread count 0. */
  cosine: number;
  /** Mean number of distinct tokens forwarded: nodes of the drawn completions' tree. */
  nodes: number;
}

/**
 * @param rewards `[outcomes]`
 * @param seeds number of groups that are drawn
 * @returns undefined where the true gradient is 0: all outcomes have the same reward
 */
export function errorsOf(
  { outcomes, gradients }: Distribution,
  rewards: readonly number[],
  way: Way,
  numGenerations: number,
  seeds: number,
): Errors | undefined {
  const probabilities = normalised(outcomes.map(({ logp }) => Math.exp(logp)));
  const ofDraws =
    way.draws === 'policy'
      ? probabilities
      : normalised(outcomes.map(({ logpOfDraws }) => Math.exp(logpOfDraws)));
  // Gradients of the distribution over these outcomes alone: their mean under it is 0.
  const size = gradients[0]!.length;
  const mean = combined(gradients, probabilities, size);
  const centred = gradients.map((gradient) => gradient.map((value, i) => value - mean[i]!));
  const truth = combined(
    centred,
    probabilities.map((p, y) => p * rewards[y]!),
    size,
  );
  const norm = Math.sqrt(dot(truth, truth));
  if (norm < 1e-9) return undefined;

  const below = generator(`gradients, ${way.name}, ${numGenerations}`);
  const tree = treeOf(outcomes);
  const random = () => (below(2 ** 30) + 0.5) / 2 ** 30;
  const groups = way.method === 'most_probable' ? 1 : seeds; // of these each is the same
  const average = new Float64Array(size);
  let squares = 0;
  let cosine = 0;
  let nodes = 0;
  for (let i = 0; i < groups; i++) {
    const group = groupOf(way, tree, ofDraws, numGenerations, random);
    const coefficients = coefficientsOf(group.drawn, probabilities, rewards, way);
    const estimate = combined(centred, coefficients, size);
    for (let k = 0; k < size; k++) average[k]! += estimate[k]! / groups;
    const square = dot(estimate, estimate);
    squares += square / groups;
    if (square > 0) cosine += dot(estimate, truth) / (Math.sqrt(square) * norm * groups);
    nodes += group.nodes / groups;
  }
  const difference = average.map((value, i) => value - truth[i]!);
  return {
    bias: Math.sqrt(dot(difference, difference)) / norm,
    variance: Math.max(0, squares - dot(average, average)) / norm ** 2, // rounding may leave less than 0
    cosine,
    nodes,
  };
}

/** `[outcomes]` what each outcome's gradient is multiplied by, by the code that a training step runs. */
function coefficientsOf(
  drawn: readonly number[],
  probabilities: readonly number[],
  rewards: readonly number[],
  { estimator, baseline }: Way,
): number[] {
  const G = drawn.length;
  const groups: DrawnGroups = {
    numGenerations: G,
    logps: Float64Array.from(drawn, (y) => Math.log(probabilities[y]!)),
    first: firstOccurrences(
      drawn.map((y) => [y]),
      G,
    ),
  };
  const { values, weights } = computeAdvantages(
    [drawn.map((y) => rewards[y]!)],
    { numGenerations: G, scaleRewards: 'none', estimator, baseline },
    undefined,
    groups,
  );
  const coefficients = new Array<number>(rewards.length).fill(0);
  drawn.forEach((y, i) => (coefficients[y]! += ((weights?.[i] ?? 1) * values[i]!) / G));
  return coefficients;
}

function normalised(weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

function combined(
  vectors: readonly Float64Array[],
  coefficients: readonly number[],
  size: number,
): Float64Array {
  const sum = new Float64Array(size);
  vectors.forEach((vector, k) => {
    const coefficient = coefficients[k]!;
    if (coefficient === 0) return;
    for (let i = 0; i < size; i++) sum[i]! += coefficient * vector[i]!;
  });
  return sum;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
