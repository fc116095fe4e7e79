/** Writes weights and moments into files, from an engine or from a snapshot of one. */
import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeSynced } from '../machine/disk.js';
import { GrpoError } from '../common/errors.js';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, WEIGHTS } from '../hub/file-names.js';
import type { NamedTensor, Parameter, TensorKind } from '../engine/types.js';
import { readConfigJson } from './config.js';
import { readModelFile } from './json.js';
import { encodeHeader } from './safetensors.js';

/** A tensor of the engine: a parameter's weight, moment or reference weight. */
export type KindOfTensor = NamedTensor & { kind: TensorKind };

/** Files of a model folder that are saved unchanged. */
const KEPT_FILES =
  /^(generation_config|tokenizer.*|special_tokens_map|added_tokens|vocab|chat_template)\.json$|^(merges\.txt|chat_template\.jinja|LICENSE.*)$/;

/** The moments of AdamW. */
export const MOMENTS: TensorKind[] = ['exp_avg', 'exp_avg_sq'];

/**
 * Reads the files that a saved model has beside its weights. They are kept in memory, since the folder may be
 * gone when the model is saved.
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

/** `config.json` for the saved weights, which are in float32 and have a language-model head. */
function savedConfig(config: Record<string, unknown>): Record<string, unknown> {
  const saved = { ...config };
  // `torch_dtype` is the old name of `dtype`; some folders have both.
  const named = ['torch_dtype', 'dtype'].filter((key) => key in config);
  for (const key of named.length > 0 ? named : ['dtype']) saved[key] = 'float32';
  if (Array.isArray(config.architectures))
    saved.architectures = config.architectures.map((name: unknown) =>
      typeof name === 'string' ? name.replace(/Model$/, 'ForCausalLM') : name,
    );
  return saved;
}

/**
 * The content of a file; undefined where it is a folder, or a broken link.
 * @throws {GrpoError} MODEL_LINK where it is a link to elsewhere: a saved model may be published, and an
 *   untrusted
 * model could so publish a file of this machine
 */
async function readKeptFile(folder: string, name: string): Promise<Uint8Array | undefined> {
  const file = join(folder, name);
  const info = await stat(file).catch(() => undefined);
  if (!info || info.isDirectory()) return undefined;
  const [target, own] = await Promise.all([realpath(file), realpath(folder)]);
  // Hugging Face's tools link the files of a snapshot to the blobs of the same repository.
  const allowed = [own, join(own, '..', '..', 'blobs')];
  if (allowed.some((place) => dirname(target) === place)) return readModelFile(file);
  throw new GrpoError('MODEL_LINK', `${file} is a link to ${target}, outside of the model's folder`, {
    fix: 'if it belongs to the model, put a copy in its place: what lies beside the weights is saved with them',
    value: target,
  });
}

/** What a saved model has beside its weights. */
export interface SavedFiles {
  /** By name; those of the tokenizer among them. */
  files: Map<string, Uint8Array>;
  /** Content of `adapter_config.json`; undefined: all weights learn. */
  adapter: string | undefined;
}

export class ModelSaver {
  readonly #saved: SavedFiles;
  readonly #parameters: Parameter[];
  readonly #write: (file: string, header: Uint8Array, tensors: KindOfTensor[]) => Promise<void>;

  /** @param write writes a header and then each tensor as float32, and syncs */
  constructor(
    saved: SavedFiles,
    parameters: Parameter[],
    write: (file: string, header: Uint8Array, tensors: KindOfTensor[]) => Promise<void>,
  ) {
    this.#saved = saved;
    this.#parameters = parameters;
    this.#write = write;
  }

  /**
   * Writes a folder that transformers can load: weights in float32, the other files as they were read. Where adapters
   * learn, one that PEFT can load: these alone, with the tokenizer.
   */
  async save(folder: string): Promise<void> {
    const { adapter } = this.#saved;
    if (adapter === undefined) return this.saveMerged(folder);
    await this.#saveFiles(folder, (name) => name !== 'config.json' && name !== 'generation_config.json');
    await writeSynced(join(folder, ADAPTER_CONFIG), Buffer.from(adapter));
    await this.#save(join(folder, ADAPTER_WEIGHTS), ['weight']);
  }

  /** Writes a folder that transformers can load, with what adapters add in the weights. */
  async saveMerged(folder: string): Promise<void> {
    await this.#saveFiles(folder, () => true);
    const own = this.#saved.adapter === undefined;
    const weights = this.#parameters.filter(({ trainable }) => trainable === own);
    const tensors = tensorsOf(weights, [own ? 'weight' : 'merged']);
    await this.#write(join(folder, WEIGHTS), encodeHeader(weights), tensors);
  }

  async #saveFiles(folder: string, wanted: (name: string) => boolean): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of this.#saved.files)
      if (wanted(name)) await writeSynced(join(folder, name), content);
  }

  /** Writes AdamW's moments, as `exp_avg.NAME` and `exp_avg_sq.NAME`. */
  saveOptimizer(file: string): Promise<void> {
    return this.#save(file, MOMENTS);
  }

  /** Writes the weights of the reference model, for runs where it follows the policy (`sync_ref_model`). */
  saveReference(file: string): Promise<void> {
    return this.#save(file, ['reference']);
  }

  #save(file: string, kinds: TensorKind[]): Promise<void> {
    const learning = this.#parameters.filter(({ trainable }) => trainable);
    const tensors = tensorsOf(learning, kinds);
    const named = tensors.map(({ name, shape, kind }) => ({
      name: kind === 'weight' ? name : `${kind}.${name}`,
      shape,
    }));
    return this.#write(file, encodeHeader(named), tensors);
  }
}

/** The tensors of these kinds of all parameters, kind after kind. */
export const tensorsOf = (parameters: NamedTensor[], kinds: TensorKind[]): KindOfTensor[] =>
  kinds.flatMap((kind) => parameters.map(({ name, shape }) => ({ name, shape, kind })));
