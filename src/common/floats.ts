/** Arrays of float32 numbers. */

/** One after another. */
export function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let begin = 0;
  for (const array of arrays) {
    all.set(array, begin);
    begin += array.length;
  }
  return all;
}
