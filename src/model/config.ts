/**
 * Reads `config.json` into a `ModelConfig`. Left out on purpose: architectures other than the three
 * below, sliding windows, and rotary scalings that change with the length of the input.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { GrpoError, shown } from '../common/errors.js';
import type { ModelConfig } from '../engine/types.js';
import { invalid, unsupported } from './config-errors.js';
import { readJsonObject } from './json.js';
import { inverseFrequencies } from './rope.js';

const ARCHITECTURES = { qwen2: 'Qwen2 and Qwen2.5', qwen3: 'Qwen3', llama: 'Llama (SmolLM2)' } as const;
type ModelType = keyof typeof ARCHITECTURES;

const size = z
  .int()
  .positive()
  .max(2 ** 31 - 1);
/** Limits far beyond any model, so that a wrong number can't fill the memory with layers or frequencies. */
const MAX_LAYERS = 4096;
const MAX_HEAD_DIM = 65536;
const optionalSize = size.nullish().transform((value) => value ?? undefined);
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? undefined);

/** The fields that are read; the others are ignored, and kept when the model is saved. */
const schema = z.object({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size.max(MAX_LAYERS),
  num_attention_heads: size,
  num_key_value_heads: optionalSize,
  head_dim: optionalSize,
  rms_norm_eps: z.number().positive().default(1e-6),
  attention_bias: flag,
  mlp_bias: flag,
  tie_word_embeddings: flag,
  max_position_embeddings: optionalSize,
  hidden_act: z.string().default('silu'),
  use_sliding_window: flag,
  sliding_window: optionalSize,
  max_window_layers: z.int().nonnegative().nullish(),
  layer_types: z.array(z.string()).nullish(),
});
type Fields = z.infer<typeof schema>;

/** Reads `config.json` of a folder in the Hugging Face layout. */
export async function readModelConfig(folder: string): Promise<ModelConfig> {
  return parseModelConfig(await readConfigJson(folder), join(folder, 'config.json'));
}

/** Reads `config.json` as a JSON object. */
export async function readConfigJson(folder: string): Promise<Record<string, unknown>> {
  const json = await readJsonObject(join(folder, 'config.json'));
  if (json) return json;
  throw new GrpoError('MODEL_CONFIG_MISSING', `there is no config.json in ${folder}`, {
    fix: 'give a folder in the Hugging Face layout (config.json, tokenizer.json, model.safetensors), or a hub id',
    value: folder,
  });
}

/** @param where the file's name, for messages */
export function parseModelConfig(json: Record<string, unknown>, where = 'config.json'): ModelConfig {
  const modelType = modelTypeOf(json, where);
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const field = issue.path.join('.');
    const missing = field in json ? `is not usable: ${issue.message}` : 'is missing';
    throw invalid(where, field, missing, json[field]);
  }
  const fields = parsed.data;
  if (fields.hidden_act !== 'silu') throw unsupported(where, 'hidden_act', fields.hidden_act, 'silu');
  refuseSlidingWindow(fields, where);

  const heads = fields.num_attention_heads;
  const keyValueHeads = fields.num_key_value_heads ?? heads;
  if (heads % keyValueHeads !== 0)
    throw invalid(
      where,
      'num_key_value_heads',
      `(${keyValueHeads}) does not divide num_attention_heads (${heads})`,
      keyValueHeads,
    );
  const headDim = fields.head_dim ?? (modelType === 'qwen3' ? 128 : Math.floor(fields.hidden_size / heads));
  if (headDim < 2 || headDim % 2 !== 0)
    throw invalid(where, 'head_dim', `(${headDim}) must be even, for rotary positions`, headDim);
  if (headDim > MAX_HEAD_DIM)
    throw invalid(where, 'head_dim', `(${headDim}) must be at most ${MAX_HEAD_DIM}`, headDim);

  const attentionBias = modelType !== 'qwen2' && (fields.attention_bias ?? false);
  return {
    modelType,
    vocabSize: fields.vocab_size,
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.intermediate_size,
    numHiddenLayers: fields.num_hidden_layers,
    numAttentionHeads: heads,
    numKeyValueHeads: keyValueHeads,
    headDim,
    rmsNormEps: fields.rms_norm_eps,
    qkvBias: modelType === 'qwen2' || attentionBias,
    oBias: attentionBias,
    mlpBias: modelType === 'llama' && (fields.mlp_bias ?? false),
    qkNorm: modelType === 'qwen3',
    tieWordEmbeddings: fields.tie_word_embeddings ?? false,
    maxPositionEmbeddings: fields.max_position_embeddings ?? (modelType === 'llama' ? 2048 : 32768),
    ropeInvFreq: inverseFrequencies(json, headDim, where),
  };
}

/** Number of weights that the model trains; tied ones count once. */
export function parameterCount(config: ModelConfig): number {
  const { hiddenSize: h, intermediateSize: m, headDim: d } = config;
  const q = config.numAttentionHeads * d;
  const kv = config.numKeyValueHeads * d;
  let layer = h * (q + 2 * kv) + q * h + 3 * h * m + 2 * h;
  if (config.qkvBias) layer += q + 2 * kv;
  if (config.oBias) layer += h;
  if (config.mlpBias) layer += 2 * m + h;
  if (config.qkNorm) layer += 2 * d;
  const embeddings = config.vocabSize * h * (config.tieWordEmbeddings ? 1 : 2);
  return embeddings + config.numHiddenLayers * layer + h;
}

function modelTypeOf(json: Record<string, unknown>, where: string): ModelType {
  const type = json.model_type;
  if (typeof type === 'string' && Object.hasOwn(ARCHITECTURES, type)) return type as ModelType;
  const known = Object.entries(ARCHITECTURES).map(([key, name]) => `${key} (${name})`);
  throw new GrpoError(
    'MODEL_ARCHITECTURE',
    `${where}: the architecture ${shown(type ?? null)} is not supported`,
    { fix: `use a model whose model_type is one of: ${known.join(', ')}`, value: type },
  );
}

/** A window wider than any input changes nothing; a narrower one would silently compute something else. */
function refuseSlidingWindow(fields: Fields, where: string): void {
  const layers = fields.num_hidden_layers;
  const slides = fields.layer_types
    ? fields.layer_types.includes('sliding_attention')
    : fields.use_sliding_window === true && (fields.max_window_layers ?? 0) < layers;
  if (!slides) return;
  if (fields.sliding_window === undefined) return;
  if (fields.sliding_window >= (fields.max_position_embeddings ?? Infinity)) return;
  throw unsupported(where, 'use_sliding_window', true, 'false');
}
