/** Safetensors files, read and written apart from the code under test. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface FileTensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
  values: Float32Array;
}

export interface TensorFile {
  metadata: Record<string, string> | undefined;
  /** First byte of the data. */
  dataStart: number;
  tensors: Map<string, FileTensor>;
}

type Header = Record<string, Omit<FileTensor, 'values'>>;

export function readTensorFile(file: string): TensorFile {
  const bytes = readFileSync(file);
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__, ...header } = JSON.parse(bytes.toString('utf8', 8, dataStart)) as Header & {
    __metadata__?: Record<string, string>;
  };
  const tensors = Object.entries(header).map(([name, entry]): [string, FileTensor] => {
    const [begin, end] = entry.data_offsets;
    const data = bytes.subarray(dataStart + begin, dataStart + end);
    if (entry.dtype === 'F32') {
      const values = Float32Array.from({ length: data.length / 4 }, (_, i) => data.readFloatLE(4 * i));
      return [name, { ...entry, values }];
    }
    if (entry.dtype !== 'BF16') throw new Error(`${file}: ${name} is ${entry.dtype}`);
    const bits = Uint32Array.from({ length: data.length / 2 }, (_, i) => data.readUInt16LE(2 * i) << 16);
    return [name, { ...entry, values: new Float32Array(bits.buffer) }];
  });
  return { metadata: __metadata__, dataStart, tensors: new Map(tensors) };
}

/** Writes float32 tensors. */
export function writeTensorFile(file: string, tensors: Map<string, Pick<FileTensor, 'shape' | 'values'>>) {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = [...tensors.values()].map(({ values }) =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  );
  writeFileSync(file, Buffer.concat([length, json, ...data]));
}

/** The nearest bfloat16, ties to even, as float32. */
export function toBfloat16(values: Float32Array): Float32Array {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  for (let i = 0; i < bits.length; i++)
    bits[i] = ((bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) >>> 16) << 16;
  return new Float32Array(bits.buffer);
}
