/**
 * The safetensors format: reads, checks and writes headers; native code reads and writes the data.
 * A file is an 8-byte little-endian length, a JSON header of that length, and the data.
 * Every value of a header is checked, since a file may come from an untrusted source.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { exists } from '../machine/files.js';
import { isObject, parseJson } from '../common/json.js';
import { GrpoError, shown } from '../common/errors.js';
import { WEIGHTS, WEIGHTS_INDEX } from '../hub/file-names.js';
import type { ModelConfig, NamedTensor, TensorLocation } from '../engine/types.js';
import { duplicateKey, readModelFile, refusePointer } from './json.js';
import { expectedTensors } from './tensor-names.js';

/** Largest header in bytes: a limit of the format. */
const MAX_HEADER = 100_000_000;
/** Largest pointer of Git LFS in bytes. */
const MAX_POINTER = 1024;
/** Largest number of dimensions: a limit of libtorch. */
const MAX_SIDES = 64;
const BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
type Dtype = keyof typeof BYTES;

function corrupt(file: string, problem: string, value?: unknown): GrpoError {
  return new GrpoError('SAFETENSORS_INVALID', `${file}: ${problem}`, {
    fix: 'fetch the file again; it is truncated, damaged or not a safetensors file',
    value: value ?? file,
  });
}

/**
 * The tensors of a file, checked: the type is known, the size fits the shape, none leaves the file or
 * overlaps.
 */
export async function readHeader(file: string): Promise<TensorLocation[]> {
  const { text, dataStart, fileSize } = await headerText(file);
  const header = parseJson(text);
  if (header === undefined) throw corrupt(file, 'the header is not JSON');
  if (!isObject(header)) throw corrupt(file, 'the header is not a JSON object');
  const twice = duplicateKey(text);
  if (twice !== undefined) throw corrupt(file, `the header names ${shown(twice)} twice`, twice);

  const tensors: TensorLocation[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') checkMetadata(file, entry);
    else tensors.push(checkEntry(file, name, entry, dataStart, fileSize));
  }
  const byPlace = [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end);
  byPlace.forEach((tensor, i) => {
    const before = byPlace[i - 1];
    if (before && before.end > tensor.begin)
      throw corrupt(file, `the tensors ${shown(before.name)} and ${shown(tensor.name)} overlap`, tensor.name);
  });
  return tensors;
}

async function headerText(file: string): Promise<{ text: string; dataStart: number; fileSize: number }> {
  // Checked before it is opened: opening a pipe may block.
  const info = await stat(file).catch(() => undefined);
  if (info && !info.isFile()) throw corrupt(file, 'is not a file');
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    throw new GrpoError('SAFETENSORS_MISSING', `${file} cannot be opened: ${(error as Error).message}`, {
      fix: 'give a folder that holds model.safetensors, or model.safetensors.index.json and its shards',
      value: file,
      cause: error,
    });
  }
  try {
    const fileSize = (await handle.stat()).size;
    const lengthBytes = Buffer.alloc(8);
    const { bytesRead } = await handle.read(lengthBytes, 0, 8, 0);
    // Without this check, the first letters of a pointer would be read as an enormous length.
    if (fileSize <= MAX_POINTER) refusePointer(await readFile(file), file);
    if (bytesRead < 8) throw corrupt(file, `is ${fileSize} bytes long, too short for a header`);
    const length = lengthBytes.readBigUInt64LE();
    if (length > MAX_HEADER)
      throw corrupt(file, `says that its header is ${length} bytes long (at most ${MAX_HEADER})`);
    const headerLength = Number(length);
    if (8 + headerLength > fileSize) throw corrupt(file, `ends inside its header (${fileSize} bytes)`);
    const bytes = Buffer.alloc(headerLength);
    const got = await handle.read(bytes, 0, headerLength, 8);
    if (got.bytesRead < headerLength) throw corrupt(file, 'ends inside its header');
    return { text: bytes.toString('utf8'), dataStart: 8 + headerLength, fileSize };
  } catch (error) {
    if (error instanceof GrpoError) throw error;
    throw new GrpoError('SAFETENSORS_UNREADABLE', `${file} cannot be read: ${(error as Error).message}`, {
      fix: 'check the disk or the connection to it, and fetch the file again',
      value: file,
      exitCode: 1,
      cause: error,
    });
  } finally {
    await handle.close();
  }
}

function checkEntry(
  file: string,
  name: string,
  entry: unknown,
  dataStart: number,
  fileSize: number,
): TensorLocation {
  const called = shown(name);
  if (!isObject(entry)) throw corrupt(file, `${called} is not an object`, entry);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype))
    throw new GrpoError('SAFETENSORS_DTYPE', `${file}: ${called} has the type ${shown(dtype)}`, {
      fix: `convert the model to one of ${Object.keys(BYTES).join(', ')} (quantised weights cannot be trained)`,
      value: dtype,
    });
  if (!Array.isArray(shape) || shape.length > MAX_SIDES || !shape.every(isSize))
    throw corrupt(file, `${called} has a bad shape`, shape);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw corrupt(file, `${called} has bad data_offsets`, offsets);
  const [from, to] = offsets as [number, number];
  const bytes = shape.reduce((product, side) => product * side, BYTES[dtype as Dtype]);
  if (!Number.isSafeInteger(bytes) || to - from !== bytes)
    throw corrupt(
      file,
      `${called} has ${to - from} bytes where its shape ${shown(shape)} needs ${bytes}`,
      offsets,
    );
  if (dataStart + to > fileSize)
    throw corrupt(file, `${called} ends at byte ${dataStart + to} of a file of ${fileSize} bytes`, offsets);
  return {
    name,
    file,
    dtype: dtype as Dtype,
    shape: shape,
    begin: dataStart + from,
    end: dataStart + to,
  };
}

function checkMetadata(file: string, entry: unknown): void {
  if (!isObject(entry) || !Object.values(entry).every((value) => typeof value === 'string'))
    throw corrupt(file, '__metadata__ is not a map of strings', entry);
}

/** The weights of a model folder: its one file, or its shards with the index. */
async function weightFiles(folder: string): Promise<{ files: string[]; index?: Map<string, string> }> {
  const single = join(folder, WEIGHTS);
  if (await exists(single)) return { files: [single] };
  const indexFile = join(folder, WEIGHTS_INDEX);
  const text = (await readModelFile(indexFile))?.toString('utf8');
  if (text === undefined)
    throw new GrpoError('SAFETENSORS_MISSING', `there is no model.safetensors in ${folder}`, {
      fix: 'give a folder that holds model.safetensors or model.safetensors.index.json (a .bin or .gguf model must be converted first)',
      value: folder,
    });
  const json = parseJson(text);
  if (json === undefined) throw corrupt(indexFile, 'is not JSON');
  const map = isObject(json) ? json.weight_map : undefined;
  if (!isObject(map)) throw corrupt(indexFile, 'has no weight_map');
  const index = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    // A shard must be a plain file name: with a path, an untrusted index could read any file of this machine.
    const plain = typeof shard === 'string' && shard === basename(shard) && !/[\\/:\0]/.test(shard);
    if (!plain || !shard.endsWith('.safetensors'))
      throw corrupt(
        indexFile,
        `puts ${shown(name)} into ${shown(shard)}, which is not a file beside it`,
        shard,
      );
    index.set(name, join(folder, shard));
  }
  return { files: [...new Set(index.values())], index };
}

/** The place in files of each weight that `config` requires, in the checkpoint's order; shapes are checked. */
export async function locateTensors(folder: string, config: ModelConfig): Promise<TensorLocation[]> {
  const { files, index } = await weightFiles(folder);
  const found = new Map<string, TensorLocation>();
  for (const file of files) {
    for (const tensor of await readHeader(file)) {
      if (index && index.get(tensor.name) !== file) continue;
      found.set(tensor.name, tensor);
    }
  }
  return expectedTensors(config).map(({ name, shape }) => {
    // The weights of transformers' AutoModel, which has no head, lack the first part of their names.
    const tensor = found.get(name) ?? found.get(name.replace(/^model\./, ''));
    if (!tensor)
      throw mismatch(
        folder,
        `the tensor ${name} [${shape.join(', ')}] is missing`,
        [...found.keys()].slice(0, 8),
        howToSave(name, [...found.keys()]),
      );
    if (tensor.shape.join() !== shape.join())
      throw mismatch(
        tensor.file,
        `${name} has the shape [${tensor.shape.join(', ')}] where config.json asks for [${shape.join(', ')}]`,
        tensor.shape,
      );
    return { ...tensor, name };
  });
}

/** Advice for a missing tensor, where the names of the others show the cause. */
function howToSave(missing: string, found: string[]): string | undefined {
  if (missing === 'lm_head.weight')
    return 'save the model with its head (AutoModelForCausalLM), or set tie_word_embeddings in config.json where it shares the embeddings';
  const last = missing.replace(/^model\./, '');
  const prefix = found.find((name) => name.endsWith(`.${last}`))?.slice(0, -last.length);
  if (prefix !== undefined)
    return `the weights have ${shown(prefix)} before their names: save the model that is wrapped, or rename them (${shown(prefix + last)} is ${shown(missing)})`;
  if (found.some((name) => /lora_[AB]/.test(name)))
    return 'merge the adapter into its model first (merge_and_unload in peft), and save that';
  return undefined;
}

function mismatch(where: string, problem: string, value: unknown, fix?: string): GrpoError {
  return new GrpoError('MODEL_TENSORS_MISMATCH', `${where}: ${problem}`, {
    fix: fix ?? 'config.json and the weights must belong together; fetch both from the same place',
    value,
  });
}

/**
 * The header of a file of float32 tensors one after another, padded so that the data begins at a multiple of
 * 8.
 */
export function encodeHeader(tensors: NamedTensor[]): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const { name, shape } of tensors) {
    const end = offset + shape.reduce((product, side) => product * side, BYTES.F32);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(bytes, 8);
  return bytes;
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
