/** Weights and moments into files, from an engine as it is now or from a snapshot of it. */
import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeSynced } from '../machine/disk.js';
import { GrpoError } from '../common/errors.js';
import type { NamedTensor, TensorKind } from '../engine/types.js';
import { readConfigJson } from './config.js';
import { readModelFile } from './json.js';
import { encodeHeader } from './safetensors.js';

/** One tensor of an engine. */
export type KindOfTensor = NamedTensor & { kind: TensorKind };

/** Files of a model folder that training doesn't change. */
const KEPT_FILES =
  /^(generation_config|tokenizer.*|special_tokens_map|added_tokens|vocab|chat_template)\.json$|^(merges\.txt|chat_template\.jinja|LICENSE.*)$/;

export const MOMENTS: TensorKind[] = ['exp_avg', 'exp_avg_sq'];

/**
 * What a saved model has beside its weights, kept in memory: the folder that it was read from may be gone
 * when it is saved.
 */
export async function readKeptFiles(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(folder)) {
    if (!KEPT_FILES.test(name)) continue;
    const content = await readKeptFile(folder, name);
    if (content) files.set(name, content);
  }
  const config = savedConfig(await readConfigJson(folder));
  files.set('config.json', Buffer.from(`${JSON.stringify(config, null, 2)}\n`));
  return files;
}

/** `config.json` of the weights as they are saved: in float32, with a head, under the names that have one. */
function savedConfig(config: Record<string, unknown>): Record<string, unknown> {
  const saved = { ...config };
  // The new name and the old one; some folders have both.
  const named = ['torch_dtype', 'dtype'].filter((key) => key in config);
  for (const key of named.length > 0 ? named : ['dtype']) saved[key] = 'float32';
  if (Array.isArray(config.architectures))
    saved.architectures = config.architectures.map((name: unknown) =>
      typeof name === 'string' ? name.replace(/Model$/, 'ForCausalLM') : name,
    );
  return saved;
}

/**
 * Undefined where it is a folder, or a link to nothing.
 * @throws {GrpoError} MODEL_LINK where it is a link to elsewhere: what is saved may be published, and a stranger's
 * model could take a file of this machine along
 */
async function readKeptFile(folder: string, name: string): Promise<Uint8Array | undefined> {
  const file = join(folder, name);
  const info = await stat(file).catch(() => undefined);
  if (!info || info.isDirectory()) return undefined;
  const [target, own] = await Promise.all([realpath(file), realpath(folder)]);
  // The hub's own tools link a snapshot's files to the blobs of the same repository.
  const allowed = [own, join(own, '..', '..', 'blobs')];
  if (allowed.some((place) => dirname(target) === place)) return readModelFile(file);
  throw new GrpoError('MODEL_LINK', `${file} is a link to ${target}, outside of the model's folder`, {
    fix: 'if it belongs to the model, put a copy in its place: what lies beside the weights is saved with them',
    value: target,
  });
}

export class ModelSaver {
  readonly #files: Map<string, Uint8Array>;
  readonly #parameters: NamedTensor[];
  readonly #write: (file: string, header: Uint8Array, tensors: KindOfTensor[]) => Promise<void>;

  /** @param write writes a header and then each tensor as float32, and syncs */
  constructor(
    files: Map<string, Uint8Array>,
    parameters: NamedTensor[],
    write: (file: string, header: Uint8Array, tensors: KindOfTensor[]) => Promise<void>,
  ) {
    this.#files = files;
    this.#parameters = parameters;
    this.#write = write;
  }

  /** Writes a folder that transformers loads: weights in float32, the rest as it was read. */
  async save(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of this.#files) await writeSynced(join(folder, name), content);
    await this.#save(join(folder, 'model.safetensors'), ['weight']);
  }

  /** Writes AdamW's moments, as `exp_avg.NAME` and `exp_avg_sq.NAME`. */
  saveOptimizer(file: string): Promise<void> {
    return this.#save(file, MOMENTS);
  }

  /** Writes the reference's weights, which can't be had from the model any more once it has followed the policy. */
  saveReference(file: string): Promise<void> {
    return this.#save(file, ['reference']);
  }

  #save(file: string, kinds: TensorKind[]): Promise<void> {
    const tensors = tensorsOf(this.#parameters, kinds);
    const named = tensors.map(({ name, shape, kind }) => ({
      name: kind === 'weight' ? name : `${kind}.${name}`,
      shape,
    }));
    return this.#write(file, encodeHeader(named), tensors);
  }
}

/** Every parameter's tensors of some kinds, kind after kind. */
export const tensorsOf = (parameters: NamedTensor[], kinds: TensorKind[]): KindOfTensor[] =>
  kinds.flatMap((kind) => parameters.map(({ name, shape }) => ({ name, shape, kind })));
