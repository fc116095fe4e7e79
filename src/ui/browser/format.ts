/** Values as a person reads them. */

export { bytes, count, duration, number, percent } from '../../common/format.js';

/** For axes: no more digits than needed. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 1e4 || size < 1e-3) return value.toExponential().replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}

/** Of a configuration or an environment. */
export const value = (thing: unknown): string =>
  typeof thing === 'string' ? thing : thing === undefined ? '-' : JSON.stringify(thing);
