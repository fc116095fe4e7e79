/** Values as text. */

export { bytes, count, duration, number, percent } from '../../common/format.js';

/** A number at an axis's tick, with no more digits than needed. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 1e4 || size < 1e-3) return value.toExponential().replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}

/** A value of a configuration or an environment as text. */
export const value = (thing: unknown): string =>
  typeof thing === 'string' ? thing : thing === undefined ? '-' : JSON.stringify(thing);
