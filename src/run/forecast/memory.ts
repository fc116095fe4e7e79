/**
 * The peak memory of a run, by purpose, computed from shapes. It follows what the engine holds at once
 * (native/model/trace.h, native/train/log_probs.h). In the worst case completions share no tokens with each
 * other, and each has the maximum length; a step that was seen tells how far from it a run is.
 */
import { parameterCount } from '../../model/config.js';
import { adapterCount, type Lora } from '../../model/lora.js';
import type { DType, ModelConfig } from '../../engine/types.js';

/** Bytes of each part of a run's memory. */
export interface MemoryParts {
  /** The process before it has a model: node, libtorch, the tokenizer. */
  process: number;
  /** Weights that learn, in bfloat16 also the copies that are computed with; with adapters the frozen ones too. */
  weights: number;
  /** Weights of the reference model; 0 where `beta` is 0. */
  reference: number;
  /** Gradients of all weights. */
  gradients: number;
  /** AdamW's two moments. */
  moments: number;
  /** KV cache of the step's tokens. */
  kv: number;
  /** Other activations that the backward pass needs, and what a layer takes meanwhile. */
  activations: number;
  /** Logits, and log-probabilities over the vocabulary. */
  vocabulary: number;
  /** Copies that a checkpoint is written from while training goes on; 0 where there is no room for them. */
  checkpoint: number;
}

export interface MemoryShape {
  dtype: DType;
  /** Weight of the KL penalty; 0: there is no reference model. */
  beta: number;
  /** Share of the parameters that frozen weights hold in two bytes: those stored in bfloat16. */
  halfExact: number;
  /** Adapters that learn while the weights are frozen, and are the reference model too; null: all weights learn. */
  lora?: Lora | null;
  /** Tokens of the prompts that are sampled together. */
  promptTokens: number;
  prompts: number;
  completions: number;
  maxCompletionLength: number;
  /** Tokens of the completions, the last of each not counted; default: all are of the maximum length. */
  completionTokens?: number;
  /** Number of micro-batches that the completions sampled together are learned from in. */
  parts: number;
  /** Bytes of the copy that a checkpoint is written from; 0: none is made. */
  checkpoint: number;
  /** Whether the KL is computed over the vocabulary; default: it is estimated. */
  exactKl?: boolean;
  /** Whether it computes on a GPU, where logits are worked on in larger blocks; default: on the CPU. */
  onGpu?: boolean;
  /** Supervised fine-tuning: sampling and scoring happen only in evaluations. */
  supervised?: boolean;
}

const FLOAT = 4;
const MIB = 2 ** 20;
/** Log-probabilities that sampling keeps for learning (native/model/vocabulary_rows.cc). */
const KEPT = 512 * MIB;
/**
 * Bytes of logits that are worked on at once (native/train/log_probs.cc, native/sample/draw.cc). The CPU goes
 * over them block by block in place; a GPU makes further tensors of their size on the way.
 */
const LOGITS = {
  cpu: (all: number) => Math.min(all, 128 * MIB) + 16 * MIB,
  gpu: (all: number) => 3 * Math.min(all, 256 * MIB),
};
const DRAWN = {
  cpu: (all: number) => all + 24 * MIB,
  gpu: (all: number) => all + 6 * Math.min(all, 128 * MIB),
};

/** @param process bytes of the process without a model */
export function memoryParts(config: ModelConfig, shape: MemoryShape, process: number): MemoryParts {
  const parameters = parameterCount(config);
  const half = shape.dtype === 'bfloat16';
  const size = half ? 2 : FLOAT;
  const frozen = parameters * (half ? 2 : FLOAT * (1 - shape.halfExact / 2));
  const learning = shape.lora ? adapterCount(config, shape.lora) : parameters;
  const all = FLOAT * learning;
  return {
    process,
    weights: all + (half ? 2 * learning : 0) + (shape.lora ? frozen : 0),
    reference: shape.beta === 0 || shape.lora ? 0 : frozen,
    gradients: all,
    moments: 2 * all,
    ...ofStep(config, shape, size),
    checkpoint: shape.checkpoint,
  };
}

/** The sum over all purposes. */
export const peakOf = (parts: MemoryParts): number =>
  Object.values<number>({ ...parts }).reduce((sum, part) => sum + part, 0);

/** Memory of a step's activations: that of its largest phase (sampling, scoring or learning). */
function ofStep(
  config: ModelConfig,
  shape: MemoryShape,
  size: number,
): Pick<MemoryParts, 'kv' | 'activations' | 'vocabulary'> {
  const { hiddenSize: h, intermediateSize: m, numHiddenLayers: layers, vocabSize } = config;
  const q = config.numAttentionHeads * config.headDim;
  const kv = config.numKeyValueHeads * config.headDim;
  const { prompts, promptTokens, completions, maxCompletionLength: length, parts } = shape;
  // The last token of a completion is not forwarded: nothing is predicted from it.
  const { completionTokens = completions * (length - 1) } = shape;
  const tokens = promptTokens + completionTokens;
  const rows = completionTokens + prompts;
  const ofKeys = 2 * kv * layers * size;
  const layer = (2 * h + 2 * q + 2 * m + (config.qkNorm ? q + kv : 0)) * size;
  const ofBackward = layer * layers + h * size;
  const logits = vocabSize * FLOAT;
  const where = shape.onGpu ? 'gpu' : 'cpu';
  const overVocabulary = (rows: number) => LOGITS[where](rows * logits);
  const longest = promptTokens / prompts + length;
  // For each completion: attention scores of each head over its path, and the keys and values of the path.
  const attention = (completions: number, times: number) =>
    completions * longest * (times * config.numAttentionHeads * (length - 1) + 4 * kv) * FLOAT;

  const kept = shape.supervised !== true && parts === 1;
  const learned = Math.ceil(tokens / parts);
  const learning = {
    kv: learned * ofKeys,
    // The larger of a layer's halves: MLP or attention.
    activations:
      learned * ofBackward +
      Math.max(
        learned * (7 * m + 6 * h) * size,
        learned * (6 * h + 4 * q + 6 * kv) * size + attention(completions / parts, 4),
      ),
    vocabulary:
      (kept ? Math.min(rows * logits, KEPT) : 0) +
      overVocabulary(rows / parts) +
      // The reference model's hidden states and log-probabilities.
      (shape.exactKl ? (rows / parts) * h * size + overVocabulary(rows / parts) : 0),
  };
  if (shape.supervised) return learning;
  const held = kept ? learned * ofBackward : tokens * h * size;
  const sampling = {
    kv: tokens * ofKeys,
    activations: held + completions * layer,
    vocabulary: (kept ? Math.min(rows * logits, KEPT) : 0) + DRAWN[where](completions * logits),
  };
  const scoring = {
    kv: (kept ? 2 : 1) * tokens * ofKeys,
    activations: (kept ? held : 0) + tokens * (layer + (m + 3 * h) * size) + attention(completions, 1),
    vocabulary: (kept ? Math.min(rows * logits, KEPT) : 0) + overVocabulary(rows),
  };
  const sum = (one: typeof learning) => one.kv + one.activations + one.vocabulary;
  return [learning, sampling, ...(shape.beta > 0 || parts > 1 ? [scoring] : [])].reduce((most, one) =>
    sum(one) > sum(most) ? one : most,
  );
}
