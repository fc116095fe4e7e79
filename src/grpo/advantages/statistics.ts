/** Means and deviations of rewards, of which NaN is none. */
import type { RewardedGroups } from './types.js';

/** What TRL adds to a standard deviation before it divides by it. */
export const EPSILON = 1e-4;

const present = (values: Float64Array) => values.filter((value) => !Number.isNaN(value));

/** Of what is no NaN. */
export function mean(values: Float64Array): number {
  const said = present(values);
  return said.reduce((sum, value) => sum + value, 0) / said.length;
}

/** Of a sample, with n - 1, as torch has it, of what is no NaN. One value has no spread. */
export function standardDeviation(values: Float64Array): number {
  const said = present(values);
  if (said.length < 2) return 0;
  const centre = mean(said);
  return Math.sqrt(said.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (said.length - 1));
}

/** The values of each group, as views. */
export const groupsOf = (values: Float64Array, numGenerations: number): Float64Array[] =>
  Array.from({ length: values.length / numGenerations }, (_, group) =>
    values.subarray(group * numGenerations, (group + 1) * numGenerations),
  );

/** Each value less its group's mean. */
export const lessGroupMean = (values: Float64Array, numGenerations: number): Float64Array =>
  Float64Array.from(
    groupsOf(values, numGenerations).flatMap((group) => {
      const centre = mean(group);
      return Array.from(group, (value) => value - centre);
    }),
  );

/** A completion that nothing was said of moves nothing. */
export const nanToZero = (values: Float64Array): Float64Array =>
  values.map((value) => (Number.isNaN(value) ? 0 : value));

/** Each completion's group's standard deviation: `[completions]`. */
export const groupDeviations = ({ rewards, numGenerations }: RewardedGroups): Float64Array =>
  Float64Array.from(
    groupsOf(rewards, numGenerations).flatMap((group) =>
      new Array<number>(group.length).fill(standardDeviation(group)),
    ),
  );
