/** Numbers of weights between float32 and the formats of safetensors and GGUF, rounded as ggml rounds. */

/** Type of the weights in a GGUF file; `q8_0`: whole numbers of 8 bits, 32 of them with a common scale. */
export type GgufDtype = 'f32' | 'f16' | 'bf16' | 'q8_0';

/** All of them. */
export const GGUF_DTYPES = ['f32', 'f16', 'bf16', 'q8_0'] as const satisfies GgufDtype[];

/** Numbers of a block of Q8_0, which share a scale. */
export const BLOCK = 32;
const BYTES_OF_BLOCK = 2 + BLOCK;

/** Bytes that so many numbers take; of `q8_0` a multiple of `BLOCK`. */
export function bytesOf(numbers: number, dtype: GgufDtype): number {
  if (dtype === 'q8_0') return (numbers / BLOCK) * BYTES_OF_BLOCK;
  return numbers * (dtype === 'f32' ? 4 : 2);
}

/** Magnitudes from which on a format has no finite number. */
export const LIMITS: Record<GgufDtype, number> = {
  f32: Infinity,
  f16: 65520,
  bf16: 3.3961775e38,
  q8_0: 127 * 65520,
};

/** The numbers of a safetensors file, in float32. `bytes` begins at a multiple of 4 of its buffer. */
export function widen(bytes: Uint8Array, dtype: 'F32' | 'F16' | 'BF16'): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype === 'F32') return new Float32Array(buffer, byteOffset, byteLength / 4);
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  const wide = new Float32Array(halves.length);
  if (dtype === 'F16') for (let i = 0; i < halves.length; i++) wide[i] = fromHalf(halves[i]!);
  else {
    const bits = new Uint32Array(wide.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  }
  return wide;
}

/** The numbers in a format of GGUF, rounded to the nearest. */
export function narrow(values: Float32Array, dtype: GgufDtype): Uint8Array {
  if (dtype === 'f32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (dtype === 'q8_0') return blocksOf(values);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++)
    halves[i] = dtype === 'f16' ? toHalf(bits[i]!) : (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) >>> 16;
  return new Uint8Array(halves.buffer);
}

/** Blocks of 32: the scale, which is a 127th of the largest magnitude, in float16, and a whole number each. */
function blocksOf(values: Float32Array): Uint8Array {
  const blocks = values.length / BLOCK;
  const bytes = new Uint8Array(blocks * BYTES_OF_BLOCK);
  const view = new DataView(bytes.buffer);
  const one = new Float32Array(1);
  const oneBits = new Uint32Array(one.buffer);
  for (let block = 0; block < blocks; block++) {
    const from = block * BLOCK;
    let largest = 0;
    for (let i = from; i < from + BLOCK; i++) largest = Math.max(largest, Math.abs(values[i]!));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    one[0] = scale;
    const at = block * BYTES_OF_BLOCK;
    view.setUint16(at, toHalf(oneBits[0]!), true);
    for (let i = 0; i < BLOCK; i++) {
      const value = Math.fround(values[from + i]! * inverse);
      // Halves are rounded away from zero.
      view.setInt8(at + 2 + i, Math.sign(value) * Math.floor(Math.abs(value) + 0.5));
    }
  }
  return bytes;
}

const ROUND_TO_WHOLE = 2 ** 52;

/** Bits of float32 to bits of float16; halves are rounded to even. */
function toHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Below 2^-14: multiples of 2^-24.
  if (magnitude < 0x38800000) {
    const exponent = magnitude >>> 23;
    const value = exponent === 0 ? 0 : (0x800000 | (magnitude & 0x7fffff)) * 2 ** (exponent - 126);
    return sign | (value + ROUND_TO_WHOLE - ROUND_TO_WHOLE);
  }
  return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
}

/** Bits of float16 to a number. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
