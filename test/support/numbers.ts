/** Arithmetic on arrays of numbers that the tests compare by. All in float64. */

type Numbers = ArrayLike<number>;

/** Largest absolute difference; infinite where the lengths differ or a value is not a number. */
export function maxDifference(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) return Infinity;
  let max = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= max)) max = Number.isNaN(difference) ? Infinity : difference;
  }
  return max;
}

export const norm = (values: Numbers): number => Math.sqrt(dot(values, values));

export function dot(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export const sum = (values: Numbers): number => Array.from(values).reduce((total, value) => total + value, 0);

/** Norm of the difference over the norm of `expected`; infinite where it is not a number. */
export function relativeDifference(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) return Infinity;
  // A loop: the tensors may have millions of numbers, and `Float64Array.from` calls a function for each.
  const differences = new Float64Array(actual.length);
  for (let i = 0; i < differences.length; i++) differences[i] = actual[i]! - expected[i]!;
  const difference = norm(differences);
  if (difference === 0) return 0;
  const relative = difference / norm(expected);
  return Number.isNaN(relative) ? Infinity : relative;
}

/** Uniform numbers in [0, 1) from a seed (mulberry32): the same in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `length` values in [-1, 1). */
export function randomFloats(length: number, seed: number): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length }, () => 2 * random() - 1);
}

/** `length` token ids from 1 up (0 is the fixtures' end of sequence). */
export function randomTokens(length: number, seed: number, vocabSize = 96): Int32Array {
  const random = randomNumbers(seed);
  return Int32Array.from({ length }, () => 1 + Math.floor(random() * (vocabSize - 1)));
}
