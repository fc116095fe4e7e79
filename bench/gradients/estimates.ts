/** How far from the true gradient each estimator is, for one prompt, over many groups of draws. */
import { generator } from '../../src/common/random.js';
import { computeAdvantages } from '../../src/grpo/advantages/index.js';
import type { Baseline } from '../../src/grpo/advantages/types.js';
import { firstOccurrences } from '../../src/grpo/estimators/groups.js';
import type { DrawnGroups, EstimatorName } from '../../src/grpo/estimators/types.js';
import type { Distribution } from './distribution.js';

/** A way to estimate. */
export interface Way {
  name: string;
  estimator: EstimatorName;
  baseline: Baseline;
  /** Whether draws come from the policy, or from the other temperature. */
  draws: 'policy' | 'other';
}

export const WAYS: readonly Way[] = [
  { name: 'counts, group mean (GRPO)', estimator: 'counts', baseline: 'mean', draws: 'policy' },
  { name: 'counts, leave one out (RLOO)', estimator: 'counts', baseline: 'leave_one_out', draws: 'policy' },
  { name: 'Rao-Blackwell, group mean', estimator: 'rao_blackwell', baseline: 'mean', draws: 'policy' },
  { name: 'exact, policy’s draws', estimator: 'exact', baseline: 'mean', draws: 'policy' },
  { name: 'exact, draws at 1.0', estimator: 'exact', baseline: 'mean', draws: 'other' },
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
 * @param seeds number of groups
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
  const average = new Float64Array(size);
  let squares = 0;
  let cosine = 0;
  let nodes = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const drawn = Array.from({ length: numGenerations }, () => drawFrom(ofDraws, below));
    const coefficients = coefficientsOf(drawn, outcomes.length, probabilities, rewards, way);
    const estimate = combined(centred, coefficients, size);
    for (let i = 0; i < size; i++) average[i]! += estimate[i]! / seeds;
    const square = dot(estimate, estimate);
    squares += square / seeds;
    if (square > 0) cosine += dot(estimate, truth) / (Math.sqrt(square) * norm * seeds);
    nodes += nodesOf(drawn.map((y) => outcomes[y]!.ids)) / seeds;
  }
  const difference = average.map((value, i) => value - truth[i]!);
  return {
    bias: Math.sqrt(dot(difference, difference)) / norm,
    variance: (squares - dot(average, average)) / norm ** 2,
    cosine,
    nodes,
  };
}

/** `[outcomes]` what each outcome's gradient is multiplied by, by the code that a training step runs. */
function coefficientsOf(
  drawn: readonly number[],
  outcomes: number,
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
  const coefficients = new Array<number>(outcomes).fill(0);
  drawn.forEach((y, i) => (coefficients[y]! += ((weights?.[i] ?? 1) * values[i]!) / G));
  return coefficients;
}

function drawFrom(probabilities: readonly number[], below: (bound: number) => number): number {
  let u = below(2 ** 30) / 2 ** 30;
  const y = probabilities.findIndex((p) => (u -= p) < 0);
  return y < 0 ? probabilities.length - 1 : y;
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

/** Nodes of the tree of these completions; a last token is never forwarded. */
function nodesOf(completions: readonly Int32Array[]): number {
  const nodes = new Set<string>();
  for (const ids of completions) for (let n = 1; n < ids.length; n++) nodes.add(ids.subarray(0, n).join());
  return nodes.size;
}
