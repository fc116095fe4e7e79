/**
 * Writes a model as a GGUF file, which llama.cpp and the tools around it run. Weights go from the safetensors files to
 * it a part at a time, so that little memory is needed.
 */
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { GGUFTypedMetadata } from '@huggingface/gguf';
import { GrpoError } from '../../common/errors.js';
import type { TensorLocation } from '../../engine/types.js';
import { diskError, replaceFile } from '../../machine/disk.js';
import { readConfigJson, readModelConfig } from '../config.js';
import { resolveSource, type Adapter } from '../adapter.js';
import type { ResolveOptions } from '../files.js';
import { readRope } from '../rope.js';
import { locateTensors } from '../safetensors.js';
import { type Entries, modelMetadata, ropeFactors, VALUE_TYPES } from './metadata.js';
import { bytesOf, type GgufDtype, LIMITS, narrow, widen } from './numbers.js';
import { type GgufTensor, ggufTensors, interleave } from './tensors.js';
import { tokenizerMetadata } from './tokenizer.js';

/** What is written, and where to. */
export interface ExportOptions extends ResolveOptions {
  /** `tiny`, a folder in the Hugging Face layout, a run, or a hub id, as in `LanguageModel.load`. */
  model: string;
  /** Type of the weights in the file; norms and biases are float32 in any case. Default `f16`. */
  dtype?: GgufDtype;
  /** The file; default `NAME-DTYPE.gguf` in the folder at hand. */
  output?: string | null;
  /** Called with the bytes of weights that were written, and those that there are. */
  onWritten?: (written: number, total: number) => void;
}

/** A GGUF file that was written. */
export interface ExportedModel {
  /** Its path. */
  file: string;
  /** Its size. */
  bytes: number;
  /** Tensors in it. */
  tensors: number;
  /** Type of its weights. */
  dtype: GgufDtype;
}

/** llama.cpp's numbers of the types of tensors. */
const TENSOR_TYPES: Record<GgufDtype, number> = { f32: 0, f16: 1, q8_0: 8, bf16: 30 };
/** Tensors begin at a multiple of as many bytes. */
const ALIGNMENT = 32;
/** Numbers that are in memory at a time, about. */
const PART = 2 ** 20;

/**
 * Writes a model as a GGUF file, whole or not at all. An adapter is merged into its model first, in a folder beside the
 * file, which is removed when the file is written.
 *
 * @throws {GrpoError} GGUF_TOKENIZER, GGUF_UNSUPPORTED, GGUF_RANGE (a weight that the type has no number for),
 * SAFETENSORS_UNREADABLE, DISK_FULL, WRITE_FAILED, and before those what `LanguageModel.load` throws of a model folder
 *
 * @example
 * ```ts
 * import { exportGguf } from 'grpo-native';
 *
 * const { file } = await exportGguf({ model: 'runs/qwen', dtype: 'q8_0' });
 * console.log(file); // qwen-Q8_0.gguf, which llama-server and node-llama-cpp open
 * ```
 */
export async function exportGguf(options: ExportOptions): Promise<ExportedModel> {
  const { model, dtype = 'f16' } = options;
  const name = basename(resolve(model)).replace(/@.*$/, '');
  const file = resolve(options.output ?? `${name}-${dtype.toUpperCase()}.gguf`);
  const { folder, adapter } = await resolveSource(model, options);
  if (!adapter) return exportFolder(folder, name, file, options);
  const merged = await mkdtemp(`${file}.merged-`).catch(diskError(file));
  try {
    await merge(folder, adapter, merged, options);
    return await exportFolder(merged, name, file, options);
  } finally {
    await rm(merged, { recursive: true, force: true });
  }
}

/** Writes the model with what its adapter adds in its weights. */
async function merge(
  model: string,
  adapter: Adapter,
  into: string,
  { onNotice, signal }: ExportOptions,
): Promise<void> {
  // Imported here: a model without an adapter is exported without the addon.
  const { LanguageModel } = await import('../language-model.js');
  const loaded = await LanguageModel.load({
    model,
    adapter: adapter.folder,
    device: 'cpu',
    ...(onNotice && { onNotice }),
  });
  try {
    signal?.throwIfAborted();
    await loaded.saveMerged(into);
  } finally {
    await loaded.dispose();
  }
}

async function exportFolder(
  folder: string,
  name: string,
  file: string,
  options: ExportOptions,
): Promise<ExportedModel> {
  const { dtype = 'f16' } = options;
  const config = await readModelConfig(folder);
  const rope = readRope(await readConfigJson(folder), config.headDim, join(folder, 'config.json'));
  const metadata = {
    ...modelMetadata(name, config, rope, dtype),
    ...(await tokenizerMetadata(folder, config.vocabSize)),
  };
  const tensors = ggufTensors(config, await locateTensors(folder, config), dtype, ropeFactors(config, rope));
  const header = await headerOf(metadata, tensors);
  const bytes = await replaceFile(file, async (handle) => {
    await handle.writeFile(header);
    return header.byteLength + (await writeTensors(handle, tensors, config.headDim, options));
  });
  return { file, bytes, tensors: tensors.length, dtype };
}

/** Everything before the numbers of the tensors. */
async function headerOf(metadata: Entries, tensors: GgufTensor[]): Promise<Uint8Array> {
  const { buildGgufHeader } = await import('@huggingface/gguf');
  const typed = {
    version: { value: 3, type: VALUE_TYPES.uint32 },
    tensor_count: { value: BigInt(tensors.length), type: VALUE_TYPES.uint64 },
    kv_count: { value: BigInt(Object.keys(metadata).length), type: VALUE_TYPES.uint64 },
    ...metadata,
  };
  const infos = new Blob([tensorInfos(tensors)]);
  const header = await buildGgufHeader(infos, typed as unknown as GGUFTypedMetadata, {
    littleEndian: true,
    tensorInfoByteRange: [0, infos.size],
    alignment: ALIGNMENT,
  });
  return new Uint8Array(await header.arrayBuffer());
}

/** Name, sizes (the fastest first), type and place of each tensor. */
function tensorInfos(tensors: GgufTensor[]): Buffer {
  let offset = 0;
  const infos = tensors.map((tensor) => {
    const name = Buffer.from(tensor.name, 'utf8');
    const info = Buffer.alloc(8 + name.length + 4 + 8 * tensor.shape.length + 4 + 8);
    let at = info.writeBigUInt64LE(BigInt(name.length));
    at += name.copy(info, at);
    at = info.writeUInt32LE(tensor.shape.length, at);
    for (const size of [...tensor.shape].reverse()) at = info.writeBigUInt64LE(BigInt(size), at);
    at = info.writeUInt32LE(TENSOR_TYPES[tensor.dtype], at);
    info.writeBigUInt64LE(BigInt(offset), at);
    offset += padded(sizeOf(tensor));
    return info;
  });
  return Buffer.concat(infos);
}

const sizeOf = ({ shape, dtype }: GgufTensor): number =>
  bytesOf(
    shape.reduce((product, size) => product * size, 1),
    dtype,
  );
const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** The numbers of the tensors, each from a multiple of 32 bytes on. Gives how many bytes they are. */
async function writeTensors(
  handle: FileHandle,
  tensors: GgufTensor[],
  headDim: number,
  { onWritten, signal }: ExportOptions,
): Promise<number> {
  const total = tensors.reduce((sum, tensor) => sum + padded(sizeOf(tensor)), 0);
  let written = 0;
  for (const tensor of tensors) {
    for await (const values of partsOf(tensor, headDim)) {
      signal?.throwIfAborted();
      refuseBeyond(values, tensor);
      const bytes = narrow(values, tensor.dtype);
      await handle.writeFile(bytes);
      written += bytes.byteLength;
      onWritten?.(written, total);
    }
    const rest = padded(written) - written;
    await handle.writeFile(new Uint8Array(rest));
    written += rest;
  }
  return written;
}

/** The numbers of a tensor, some whole rows at a time; of one whose rows move, those of whole heads. */
async function* partsOf(
  { source, shape, interleaved }: GgufTensor,
  headDim: number,
): AsyncGenerator<Float32Array> {
  if (source instanceof Float32Array) {
    yield source;
    return;
  }
  const [rows = 1, ...rest] = shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  const step = interleaved ? headDim : 1;
  const rowsAtOnce = Math.max(step, Math.floor(PART / columns / step) * step);
  const bytesOfRow = ((source.end - source.begin) / rows) | 0;
  const file = await open(source.file, 'r').catch(unreadable(source));
  try {
    for (let row = 0; row < rows; row += rowsAtOnce) {
      const bytes = new Uint8Array(bytesOfRow * Math.min(rowsAtOnce, rows - row));
      const begin = source.begin + row * bytesOfRow;
      const { bytesRead } = await file.read(bytes, 0, bytes.length, begin).catch(unreadable(source));
      if (bytesRead < bytes.length) unreadable(source)(new Error('it is shorter than it was'));
      const values = widen(bytes, source.dtype);
      yield interleaved ? interleave(values, headDim, columns) : values;
    }
  } finally {
    await file.close();
  }
}

/** @throws {GrpoError} GGUF_RANGE */
function refuseBeyond(values: Float32Array, { name, dtype }: GgufTensor): void {
  const limit = LIMITS[dtype];
  for (const value of values) {
    if (Math.abs(value) < limit) continue;
    throw new GrpoError('GGUF_RANGE', `${name} has the number ${value}, for which ${dtype} has no place`, {
      fix: Number.isFinite(value)
        ? 'choose --dtype bf16 or f32, which reach as far as float32'
        : 'take an earlier checkpoint: the weights of this model are no numbers any more',
      value,
    });
  }
}

function unreadable({ file }: TensorLocation): (error: unknown) => never {
  return (cause) => {
    throw new GrpoError('SAFETENSORS_UNREADABLE', `${file} cannot be read: ${(cause as Error).message}`, {
      fix: 'check the disk or the connection to it, and fetch the file again',
      value: file,
      exitCode: 1,
      cause,
    });
  };
}
