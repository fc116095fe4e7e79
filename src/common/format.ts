/**
 * Numbers as text, for the terminal and the page. Values are rounded before their unit is chosen, so that
 * 1023.9 KiB becomes 1 MiB and not 1024 KiB.
 */

export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined ? '-' : `${(100 * share).toFixed(digits)}%`;

/** At most four significant digits. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  if (value === 0) return '0';
  const size = Number(Math.abs(value).toPrecision(4));
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1).replace('e+', 'e');
  return value.toFixed(size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0);
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

export function parameters(value: number): string {
  if (Math.round(value / 1e5) >= 1e4) return `${(value / 1e9).toFixed(2)} billion`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} million`;
  return count(value);
}

export function bytes(value: number): string {
  const kibibytes = Math.round(value / 2 ** 10);
  if (kibibytes < 1024) return `${kibibytes} KiB`;
  const mebibytes = Math.round(value / 2 ** 20);
  return mebibytes < 1024 ? `${mebibytes} MiB` : `${(value / 2 ** 30).toFixed(1)} GiB`;
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  const milliseconds = Math.round(1000 * seconds);
  if (milliseconds < 1000) return `${milliseconds} ms`;
  const tenths = Math.round(10 * seconds);
  if (tenths < 100) return `${(tenths / 10).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
