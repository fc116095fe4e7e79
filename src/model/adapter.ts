/** Adapters in files, as PEFT writes and reads them: `adapter_config.json` and `adapter_model.safetensors`. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { GrpoError, shown } from '../common/errors.js';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, WEIGHTS, WEIGHTS_INDEX } from '../hub/file-names.js';
import { parseRepository } from '../hub/name.js';
import { exists } from '../machine/files.js';
import type { ModelConfig, TensorLocation } from '../engine/types.js';
import { resolveModel, type ResolveOptions } from './files.js';
import { readJsonObject } from './json.js';
import { adapterTensors, engineLora, LINEAR_LAYERS, targetsOf, type LinearLayer, type Lora } from './lora.js';
import { readHeader } from './safetensors.js';

/** An adapter in a folder. */
export interface Adapter {
  folder: string;
  lora: Lora;
  /** The model that it is for, as its configuration names it: a folder, or a hub id with its revision. */
  base: string | undefined;
  /** Share of its inputs that PEFT drops in training; here there is none. */
  dropout: number;
}

/** A model as it is read: its folder, and that of the adapter on top of it. */
export interface ModelSource {
  folder: string;
  /** What it is called in the configuration of adapters for it: a hub id, or an absolute path. */
  base: string;
  adapter: Adapter | undefined;
}

const holdsAdapter = (folder: string): Promise<boolean> => exists(join(folder, ADAPTER_CONFIG));

/** Whether a folder holds an adapter and no weights of a whole model; some have the model's `config.json` too. */
export async function isAdapter(folder: string): Promise<boolean> {
  if (!(await holdsAdapter(folder))) return false;
  for (const name of [WEIGHTS, WEIGHTS_INDEX]) if (await exists(join(folder, name))) return false;
  return true;
}

/**
 * The model that a user names, which may be an adapter, and that which an adapter is for.
 *
 * @param model as `resolveModel` takes it
 * @param adapter folder, run or hub id of an adapter; null (default): none but what `model` is
 * @throws {GrpoError} those of `resolveModel`; ADAPTER_UNSUPPORTED, ADAPTER_INVALID, ADAPTER_BASE
 */
export async function resolveSource(
  model: string,
  options: ResolveOptions = {},
  adapter: string | null = null,
): Promise<ModelSource> {
  const folder = await resolveModel(model, options);
  const own = await isAdapter(folder);
  if (adapter !== null) {
    if (own)
      throw new GrpoError(
        'ADAPTER_UNSUPPORTED',
        `${model} is an adapter, and ${adapter} would be a second one`,
        {
          fix: 'merge the first into its model: grpo-native merge; and give the result as the model',
          value: adapter,
        },
      );
    const found = await resolveModel(adapter, options);
    if (await holdsAdapter(found))
      return { folder, base: named(model, folder), adapter: await readAdapter(found) };
    await refuseSeveral(found);
    throw new GrpoError('ADAPTER_INVALID', `there is no ${ADAPTER_CONFIG} in ${found}`, {
      fix: 'give a folder that PEFT or a run with use_peft wrote; a whole model is given by --model',
      value: adapter,
    });
  }
  if (!own) {
    if (!(await exists(join(folder, 'config.json')))) await refuseSeveral(folder);
    return { folder, base: named(model, folder), adapter: undefined };
  }
  const read = await readAdapter(folder);
  const base = await baseOf(read, options);
  return { folder: base.folder, base: named(base.name, base.folder), adapter: read };
}

/**
 * What learns on from an adapter has its options.
 * @throws {GrpoError} ADAPTER_OPTIONS
 */
export function checkAdapter({ folder, lora: own }: Adapter, lora: Lora | null): void {
  const same = lora && JSON.stringify(engineLora(own, 0)) === JSON.stringify(engineLora(lora, 0));
  if (same) return;
  const targets = own.targetModules ? ` --lora-target-modules ${targetsOf(own).join(',')}` : '';
  const flags = `--use-peft --lora-r ${own.r} --lora-alpha ${own.alpha}${targets}${own.rslora ? ' --use-rslora' : ''}`;
  throw new GrpoError(
    'ADAPTER_OPTIONS',
    `${folder} is an adapter of other options than those that are asked for`,
    {
      fix: `go on with its own: ${flags}; or merge it into its model and start from that: grpo-native merge ${folder} --output-dir DIR`,
      value: lora,
    },
  );
}

/** PEFT writes adapters that have names into folders of these names. @throws {GrpoError} ADAPTER_UNSUPPORTED */
async function refuseSeveral(folder: string): Promise<void> {
  const inside: string[] = [];
  for (const name of await readdir(folder)) if (await holdsAdapter(join(folder, name))) inside.push(name);
  if (inside.length === 0) return;
  throw new GrpoError(
    'ADAPTER_UNSUPPORTED',
    `${folder} holds ${inside.length === 1 ? 'an adapter in a folder' : 'several adapters'}: ${inside.sort().join(', ')}`,
    {
      fix: `name one, such as ${join(folder, inside[0]!)}: a model has one adapter at a time`,
      value: folder,
    },
  );
}

/** A model as it can be found again from another folder. */
const named = (model: string, folder: string): string =>
  model === 'tiny' || (!existsSync(model) && parseRepository(model)) ? model : resolve(folder);

/** The model that an adapter is for, and its folder. */
async function baseOf(
  { folder, base }: Adapter,
  options: ResolveOptions,
): Promise<{ name: string; folder: string }> {
  const fix = `name it: --model MODEL --adapter ${folder} in eval, generate and score; for other commands, grpo-native merge ${folder} --model MODEL --output-dir DIR`;
  if (base === undefined)
    throw new GrpoError('ADAPTER_BASE', `${folder} is an adapter, and does not say for which model`, { fix });
  try {
    const found = await resolveModel(base, options);
    if (!(await isAdapter(found))) return { name: base, folder: found };
  } catch (error) {
    if (!(error instanceof GrpoError)) throw error;
    throw new GrpoError(
      'ADAPTER_BASE',
      `the model that ${folder} is an adapter for can't be read: ${error.message}`,
      { fix: `${error.fix}; or ${fix}`, value: base, exitCode: error.exitCode },
    );
  }
  throw new GrpoError(
    'ADAPTER_UNSUPPORTED',
    `${folder} is an adapter for ${base}, which is an adapter itself`,
    {
      fix: `merge that one first: grpo-native merge ${base} --output-dir DIR; then --model DIR --adapter ${folder}`,
      value: base,
    },
  );
}

/** What PEFT can do and this engine can't, by field of `adapter_config.json`. */
const UNSUPPORTED: [field: string, fits: (value: unknown) => boolean, what: string][] = [
  ['use_dora', isOff, 'DoRA'],
  ['modules_to_save', isNothing, 'modules that are trained whole (modules_to_save)'],
  ['bias', (value) => value === undefined || value === 'none', 'biases that are trained (bias)'],
  ['rank_pattern', isNothing, 'ranks that differ between layers (rank_pattern)'],
  ['alpha_pattern', isNothing, 'an alpha that differs between layers (alpha_pattern)'],
  ['layers_to_transform', isNothing, 'adapters on some layers alone (layers_to_transform)'],
  ['target_parameters', isNothing, 'adapters on parameters (target_parameters)'],
  ['exclude_modules', isNothing, 'exclude_modules'],
  ['trainable_token_indices', isNothing, 'trained embeddings of tokens (trainable_token_indices)'],
  ['fan_in_fan_out', isOff, 'transposed weights (fan_in_fan_out)'],
  ['lora_bias', isOff, 'biases of adapters (lora_bias)'],
  ['layer_replication', isNothing, 'layers that are repeated (layer_replication)'],
  ['alora_invocation_tokens', isNothing, 'an adapter that some tokens switch on (alora_invocation_tokens)'],
  ['arrow_config', isNothing, 'adapters that are chosen by token (arrow_config)'],
  ['kasa_config', isNothing, 'KaSA'],
  ['monteclora_config', isNothing, 'MonteCLoRA'],
  ['use_qalora', isOff, 'QA-LoRA'],
  ['use_bdlora', isNothing, 'BD-LoRA'],
  // The other ways to begin, such as PiSSA's, change the model's own weights too, when PEFT loads the adapter.
  [
    'init_lora_weights',
    (value) => !hasOtherBase(value),
    'weights of the model that are changed (init_lora_weights)',
  ],
];

function isOff(value: unknown): boolean {
  return value !== true;
}

const hasOtherBase = (init: unknown): boolean =>
  typeof init === 'string' && !['gaussian', 'orthogonal', 'eva'].includes(init);

function isNothing(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === false;
}

/** @throws {GrpoError} ADAPTER_INVALID, ADAPTER_UNSUPPORTED */
export async function readAdapter(folder: string): Promise<Adapter> {
  const file = join(folder, ADAPTER_CONFIG);
  const json = (await readJsonObject(file)) ?? {};
  const {
    peft_type: type,
    r,
    lora_alpha: alpha,
    base_model_name_or_path: base,
    revision,
    target_modules: targets,
    lora_dropout: dropout,
  } = json;
  if (type !== 'LORA') throw unsupported(file, `an adapter of the type ${shown(type)}`, type);
  for (const [field, fits, what] of UNSUPPORTED)
    if (!fits(json[field])) throw unsupported(file, what, json[field]);
  if (!Number.isSafeInteger(r) || (r as number) < 1) throw invalid(file, 'r', r);
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) throw invalid(file, 'lora_alpha', alpha);
  return {
    folder,
    base:
      typeof base === 'string' && base !== ''
        ? atRevision(await besideOrNamed(base, folder), revision)
        : undefined,
    dropout: typeof dropout === 'number' ? dropout : 0,
    lora: {
      r: r as number,
      alpha,
      targetModules: readTargets(file, targets),
      rslora: json.use_rslora === true,
    },
  };
}

/** A relative path of a base is from the working directory, as in PEFT, or else from the adapter's folder. */
async function besideOrNamed(base: string, folder: string): Promise<string> {
  if (isAbsolute(base)) return base;
  const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const beside = resolve(folder, base);
  return !(await isFolder(base)) && (await isFolder(beside)) ? beside : base;
}

/** A hub id with the commit, branch or tag that an adapter is for. */
const atRevision = (base: string, revision: unknown): string =>
  typeof revision === 'string' && !base.includes('@') && !existsSync(base) && parseRepository(base)
    ? `${base}@${revision}`
    : base;

function readTargets(file: string, targets: unknown): LinearLayer[] | null {
  if (targets === 'all-linear') return null;
  if (!Array.isArray(targets) || targets.length === 0)
    throw unsupported(file, 'target_modules that are no list', targets);
  const other: unknown = targets.find((target) => !LINEAR_LAYERS.includes(target as LinearLayer));
  if (other !== undefined) throw unsupported(file, `an adapter on ${shown(other)}`, other);
  return LINEAR_LAYERS.every((layer) => targets.includes(layer)) ? null : (targets as LinearLayer[]);
}

const unsupported = (file: string, what: string, value: unknown) =>
  new GrpoError('ADAPTER_UNSUPPORTED', `${file} asks for ${what}, which grpo-native doesn't have`, {
    fix: `merge it into its model with PEFT (merge_and_unload) and give that model; adapters here are LoRA's on ${LINEAR_LAYERS.join(', ')}`,
    value,
  });

const invalid = (file: string, field: string, value: unknown) =>
  new GrpoError('ADAPTER_INVALID', `${file}: ${field} is ${shown(value)}`, {
    fix: 'fetch or save the adapter again; PEFT writes the field',
    value,
  });

/**
 * The place of each of an adapter's tensors; shapes are checked.
 * @throws {GrpoError} ADAPTER_INVALID, ADAPTER_UNSUPPORTED, SAFETENSORS_INVALID
 */
export async function locateAdapter(
  { folder, lora }: Pick<Adapter, 'folder' | 'lora'>,
  config: ModelConfig,
): Promise<TensorLocation[]> {
  const file = join(folder, ADAPTER_WEIGHTS);
  if (!(await exists(file)))
    throw new GrpoError('ADAPTER_INVALID', `there is no ${ADAPTER_WEIGHTS} in ${folder}`, {
      fix: 'save the adapter with PEFT 0.6 or newer (safetensors), or fetch it again',
      value: folder,
    });
  const found = new Map((await readHeader(file)).map((tensor) => [tensor.name, tensor]));
  const wanted = adapterTensors(config, lora);
  const other = [...found.keys()].find((name) => !wanted.some((one) => one.name === name));
  if (other !== undefined) throw unsupported(file, `the tensor ${other}`, other);
  return wanted.map(({ name, shape }) => {
    const tensor = found.get(name);
    if (tensor?.shape.join() === shape.join()) return tensor;
    const problem = tensor ? `has the shape [${tensor.shape.join(', ')}], not` : 'is missing:';
    throw new GrpoError('ADAPTER_INVALID', `${file}: ${name} ${problem} [${shape.join(', ')}]`, {
      fix: `the adapter and its model must belong together, and ${ADAPTER_CONFIG} to the weights beside it`,
      value: tensor?.shape,
    });
  });
}

/** `adapter_config.json` of an adapter, for PEFT to read. @param base a folder, or a hub id as `parseRepository` has it */
export function adapterConfig(lora: Lora, base: string): string {
  const [id, revision = null] = parseRepository(base) ? base.split('@') : [base];
  return `${JSON.stringify(
    {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: id,
      revision,
      r: lora.r,
      lora_alpha: lora.alpha,
      lora_dropout: 0,
      target_modules: targetsOf(lora),
      use_rslora: lora.rslora,
      use_dora: false,
      bias: 'none',
      modules_to_save: null,
      fan_in_fan_out: false,
      inference_mode: true,
    },
    null,
    2,
  )}\n`;
}
