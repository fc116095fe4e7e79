/** Means and standard deviations of rewards; NaN, a missing reward, is left out. */
import type { RewardedGroups } from './types.js';

/** Added to a standard deviation before dividing by it, as in TRL. */
export const EPSILON = 1e-4;

const present = (values: Float64Array) => values.filter((value) => !Number.isNaN(value));

/** Mean of the values that are not NaN. */
export function mean(values: Float64Array): number {
  const known = present(values);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Sample standard deviation (n - 1, as in torch) of the values that are not NaN; 0 for fewer than two. */
export function standardDeviation(values: Float64Array): number {
  const known = present(values);
  if (known.length < 2) return 0;
  const centre = mean(known);
  return Math.sqrt(known.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (known.length - 1));
}

/** The values of each group, as views. */
export const groupsOf = (values: Float64Array, numGenerations: number): Float64Array[] =>
  Array.from({ length: values.length / numGenerations }, (_, group) =>
    values.subarray(group * numGenerations, (group + 1) * numGenerations),
  );

/** Replaces NaN by 0: a completion without a reward has the advantage 0. */
export const nanToZero = (values: Float64Array): Float64Array =>
  values.map((value) => (Number.isNaN(value) ? 0 : value));

/** Weighted mean of the values that are not NaN. */
export function weightedMean(values: Float64Array, weights: Float64Array): number {
  let sum = 0;
  let whole = 0;
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sum += weights[i]! * value;
    whole += weights[i]!;
  });
  return sum / whole;
}

/** Root of the weighted mean of the squared distances from the weighted mean. */
export function weightedDeviation(values: Float64Array, weights: Float64Array): number {
  const centre = weightedMean(values, weights);
  const variance = weightedMean(
    values.map((value) => (value - centre) ** 2),
    weights,
  );
  return Number.isNaN(variance) ? 0 : Math.sqrt(variance);
}

/** `[completions]` The standard deviation of each completion's group. */
export const groupDeviations = ({ rewards, numGenerations, weights }: RewardedGroups): Float64Array =>
  Float64Array.from(
    groupsOf(rewards, numGenerations).flatMap((group, i) => {
      const own = weights?.subarray(i * numGenerations, (i + 1) * numGenerations);
      return new Array<number>(group.length).fill(
        own ? weightedDeviation(group, own) : standardDeviation(group),
      );
    }),
  );
