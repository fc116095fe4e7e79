/** Which versions of libtorch this project builds against. */

/** The range of tested versions, major.minor, both ends included. */
export const OLDEST = '2.6';
export const NEWEST = '2.15';

/** The same range for pip. */
export const PIP_REQUIREMENT = 'torch>=2.6,<2.16';

/** Says whether a version such as `2.15.0+cu132` lies in the range. */
export function isAccepted(version: string): boolean {
  const number = majorMinor(version);
  if (number === null) return false;
  return compare(number, majorMinor(OLDEST)!) >= 0 && compare(number, majorMinor(NEWEST)!) <= 0;
}

function majorMinor(version: string): [number, number] | null {
  const match = /^(\d+)\.(\d+)/.exec(version);
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

function compare(a: [number, number], b: [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}
