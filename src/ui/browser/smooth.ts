/** Smooths a noisy line: each point becomes the mean of the points around it. */

/** Lines with at least this many points are smoothed. */
export const NOISY = 60;

export function smooth(values: readonly (number | null)[]): (number | null)[] | undefined {
  if (values.length < NOISY) return undefined;
  const radius = Math.max(2, Math.round(values.length / 100));
  // Prefix sums, since a curve of thousands of points is redrawn at each step.
  const sums = [0];
  const counts = [0];
  values.forEach((value, i) => {
    sums.push(sums[i]! + (value ?? 0));
    counts.push(counts[i]! + (value === null ? 0 : 1));
  });
  return values.map((value, i) => {
    if (value === null) return null;
    const from = Math.max(0, i - radius);
    const to = Math.min(values.length, i + radius + 1);
    return (sums[to]! - sums[from]!) / (counts[to]! - counts[from]!);
  });
}
