/** Models that the parts compute with, and batches for them. Nothing is downloaded. */
import type { DType, Batch } from '../../src/engine/types.js';
import { hash32 } from '../../src/common/random.js';
import { parseModelConfig } from '../../src/model/config.js';
import { LanguageModel } from '../../src/model/language-model.js';
import { shapeTokenizer } from '../shape-tokenizer.js';
import { SHAPES } from '../shapes.js';
import type { Scale } from './part.js';

const SEED = 42;

export interface Subject {
  name: string;
  /** Temperature at which its distributions have peaks. */
  temperature: number;
  open: (device: string, dtype: DType) => Promise<LanguageModel>;
}

/** The embedded model: its weights are trained, so its distributions have peaks, and its biases are not 0. */
export const TINY: Subject = {
  name: 'tiny',
  temperature: 0.9,
  open: (device, dtype) => LanguageModel.load({ model: 'tiny', device, dtype }),
};

/** A model of random weights, whose logits are nearly equal. */
function random(name: string, fields: Record<string, unknown>): Subject {
  const config = parseModelConfig(fields, name);
  const tokenizer = shapeTokenizer(config.vocabSize);
  return {
    name,
    temperature: 0.1,
    open: (device, dtype) =>
      LanguageModel.initialize({ config, tokenizer, eosTokenIds: [], seed: SEED, device, dtype }),
  };
}

/** Fields of a small architecture. */
const SMALL = {
  vocab_size: 500,
  hidden_size: 96,
  intermediate_size: 256,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  max_position_embeddings: 1024,
};

const QWEN3 = random('qwen3', { ...SMALL, model_type: 'qwen3', head_dim: 32, tie_word_embeddings: false });
const LLAMA = random('llama', { ...SMALL, model_type: 'llama', attention_bias: true, mlp_bias: true });
const QWEN2 = SHAPES['qwen2-0.5b']!.config;

/** The full width and vocabulary of Qwen2-0.5B; few layers, since the CPU computes them too. */
export const wide = (scale: Scale): Subject =>
  scale === 'full'
    ? random('qwen2-0.5b, 2 layers', { ...QWEN2, num_hidden_layers: 2 })
    : random('qwen2, narrow', { ...QWEN2, ...SMALL, num_hidden_layers: 2, vocab_size: 3000 });

/** All layers of Qwen2-0.5B with a small vocabulary: activations are what takes memory. */
export const deep = (scale: Scale): Subject =>
  random('qwen2-0.5b, 1,000 tokens', { ...QWEN2, ...(scale === 'small' && SMALL), vocab_size: 1000 });

/** Each architecture once. */
export const subjects = (scale: Scale): Subject[] => [TINY, QWEN3, LLAMA, wide(scale)];

/** Completions of several prompts, which begin alike in part. */
export function batchOf({ config: { vocabSize } }: LanguageModel, scale: Scale): Batch {
  const [prompts, group, longest] = scale === 'full' ? [[9, 40, 130], 8, 64] : [[5, 12], 3, 9];
  const promptOf = prompts.flatMap((_, prompt) => Array.from({ length: group }, () => prompt));
  return {
    prompts: prompts.map((length, i) => tokens(length, vocabSize, `prompt ${i}`)),
    completions: promptOf.map((prompt, i) => {
      const length = 1 + (hash32(`length ${i}`) % longest);
      const shared = tokens(Math.floor(length / 2), vocabSize, `shared ${prompt}`);
      return Int32Array.from([...shared, ...tokens(length - shared.length, vocabSize, `completion ${i}`)]);
    }),
    promptOf: Int32Array.from(promptOf),
  };
}

/** Token ids from 1 up, by a key. */
export const tokens = (length: number, vocabSize: number, key: string): Int32Array =>
  Int32Array.from({ length }, (_, i) => 1 + (hash32(`${key} ${i}`) % (vocabSize - 1)));

/** Values in [-1, 1), by a key. */
export const values = (length: number, key: string): Float32Array =>
  Float32Array.from({ length }, (_, i) => hash32(`${key} ${i}`) / 2 ** 31 - 1);
