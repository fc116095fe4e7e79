/** Combines the values of several reward functions into one. */

/**
 * The weighted sum of the reward functions for each completion; NaN (a function returned null) is left out.
 * @param perFunction `[functions][completions]`
 * @param weights weight of each function; null: 1 each
 * @returns `[completions]`; NaN where all functions returned null
 */
export function weightedSum(
  perFunction: readonly ArrayLike<number>[],
  weights: readonly number[] | null,
): Float64Array {
  return Float64Array.from({ length: perFunction[0]!.length }, (_, i) => {
    const given = perFunction.flatMap((values, k) =>
      Number.isNaN(values[i]!) ? [] : [values[i]! * (weights?.[k] ?? 1)],
    );
    return given.length > 0 ? given.reduce((sum, value) => sum + value, 0) : NaN;
  });
}
