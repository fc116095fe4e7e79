/** The keys and values of a GGUF file that say what the model is. */
import { GrpoError } from '../../common/errors.js';
import type { ModelConfig } from '../../engine/types.js';
import type { RopeSettings } from '../rope.js';
import type { GgufDtype } from './numbers.js';

/** The format's numbers for types of values; the library's are in code that programs would load for nothing. */
export const VALUE_TYPES = {
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
} as const;

/** A value with its type; of a list, `subType` is that of its values. */
export interface Entry {
  value: string | number | bigint | boolean | string[] | number[];
  type: number;
  subType?: number;
}
export type Entries = Record<string, Entry>;

export const text = (value: string): Entry => ({ value, type: VALUE_TYPES.string });
export const uint = (value: number): Entry => ({ value, type: VALUE_TYPES.uint32 });
const float = (value: number): Entry => ({ value, type: VALUE_TYPES.float32 });
export const bool = (value: boolean): Entry => ({ value, type: VALUE_TYPES.bool });
export const texts = (value: string[]): Entry => ({
  value,
  type: VALUE_TYPES.array,
  subType: VALUE_TYPES.string,
});
export const ints = (value: number[]): Entry => ({
  value,
  type: VALUE_TYPES.array,
  subType: VALUE_TYPES.int32,
});

/** llama.cpp's numbers for the type that most tensors of a file have. */
const FILE_TYPES: Record<GgufDtype, number> = { f32: 0, f16: 1, q8_0: 7, bf16: 32 };

/**
 * Architecture and sizes.
 * @throws {GrpoError} GGUF_UNSUPPORTED
 */
export function modelMetadata(
  name: string,
  config: ModelConfig,
  { theta, type, factor }: RopeSettings,
  dtype: GgufDtype,
): Entries {
  refuseUnsupported(config, type);
  const arch = config.modelType;
  const of = (entries: Entries) =>
    Object.fromEntries(Object.entries(entries).map(([key, entry]) => [`${arch}.${key}`, entry]));
  return {
    'general.architecture': text(arch),
    'general.type': text('model'),
    'general.name': text(name),
    'general.file_type': uint(FILE_TYPES[dtype]),
    'general.quantization_version': uint(2),
    ...of({
      vocab_size: uint(config.vocabSize),
      context_length: uint(config.maxPositionEmbeddings),
      embedding_length: uint(config.hiddenSize),
      block_count: uint(config.numHiddenLayers),
      feed_forward_length: uint(config.intermediateSize),
      'attention.head_count': uint(config.numAttentionHeads),
      'attention.head_count_kv': uint(config.numKeyValueHeads),
      'attention.key_length': uint(config.headDim),
      'attention.value_length': uint(config.headDim),
      'attention.layer_norm_rms_epsilon': float(config.rmsNormEps),
      'rope.dimension_count': uint(config.headDim),
      'rope.freq_base': float(theta),
      ...(type === 'linear' && { 'rope.scaling.type': text('linear'), 'rope.scaling.factor': float(factor) }),
    }),
  };
}

/** What llama.cpp has no place for, and would leave out in silence. */
function refuseUnsupported({ modelType, qkvBias }: ModelConfig, rope: RopeSettings['type']): void {
  const what =
    modelType === 'qwen3' && qkvBias
      ? 'attention_bias of Qwen3'
      : modelType !== 'llama' && rope === 'llama3'
        ? `rope_type llama3 of ${modelType}`
        : undefined;
  if (what === undefined) return;
  throw new GrpoError('GGUF_UNSUPPORTED', `llama.cpp knows no ${what}`, {
    fix: 'run the model by transformers or vLLM, which load its folder as it is',
    value: what,
  });
}

/** `[headDim / 2]` What llama.cpp divides the plain frequencies by; undefined where it needs none. */
export function ropeFactors({ ropeInvFreq }: ModelConfig, rope: RopeSettings): Float32Array | undefined {
  if (rope.type !== 'llama3') return undefined;
  return Float32Array.from(rope.plain, (frequency, i) => frequency / ropeInvFreq[i]!);
}
