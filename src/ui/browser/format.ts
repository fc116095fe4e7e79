/** Numbers as a person reads them. */

export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined ? '-' : `${(100 * share).toFixed(digits)}%`;

export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '-';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1).replace('e+', 'e');
  return value.toFixed(size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0);
}

/** For axes: no more digits than needed. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 1e4 || size < 1e-3) return value.toExponential().replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

export function bytes(value: number): string {
  if (value >= 2 ** 30) return `${(value / 2 ** 30).toFixed(1)} GiB`;
  return value >= 2 ** 20 ? `${(value / 2 ** 20).toFixed(0)} MiB` : `${(value / 2 ** 10).toFixed(0)} KiB`;
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Of a configuration or an environment. */
export const value = (thing: unknown): string =>
  typeof thing === 'string' ? thing : thing === undefined ? '-' : JSON.stringify(thing);
