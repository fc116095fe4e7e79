/**
 * The least time that a step can take on this machine (a roofline model): the FLOPs that no implementation
 * can avoid, at the peak rate of matrix products, and the bytes that must pass through memory, at its peak rate.
 *
 *   sample      reads the weights once per token position, to forward the new tokens
 *   reference   reads the weights once, if any log-probs are not cached
 *   train       forward (none where the rollout's activations were kept) and backward: each reads the weights,
 *               and the backward writes the gradients
 *   optimizer   the norm reads the gradients; AdamW reads weights, gradients and both moments, and writes
 *               weights and both moments
 *
 * With adapters (LoRA) the weights are read in bfloat16, have no derivatives, and only the adapters have gradients
 * and moments.
 *
 * Attention, norms, activations and the KV cache are left out on purpose: they are small beside the weights at
 * these lengths, and so the result is never too high.
 */
import { parameterCount } from '../src/model/config.js';
import { adapterCount } from '../src/model/lora.js';
import type { Batch, DType, MachineLimits, ModelConfig } from '../src/engine/types.js';

export const PHASES = ['sample', 'reference', 'train', 'optimizer'] as const;
export type Phase = (typeof PHASES)[number];

/** What a step computed, in tokens. `rows` are rows of logits: distinct prefixes that a token is predicted from. */
export interface Counts {
  /** `nodes`: distinct tokens forwarded; `positions`: token positions, which are computed one after another. */
  sample: { nodes: number; rows: number; positions: number };
  /** Zeros where all log-probs were cached. */
  reference: { nodes: number; rows: number };
  /** `nodes` and `rows` of the backward, if there was one (`backward`); `forward`: those of them that were forwarded anew. */
  train: { forward: { nodes: number; rows: number }; nodes: number; rows: number; backward: boolean };
}

/** The work of a phase: FLOPs, and bytes read from and written to memory. */
export interface Work {
  flops: number;
  read: number;
  written: number;
}

export interface Floor {
  /** Least seconds for the arithmetic, and for the memory traffic. */
  arithmetic: number;
  memory: number;
}

const FLOAT32 = 4;

/** Matrix elements that a token is multiplied with: in the layers, and in the projection to logits. */
export function matrixWeights(config: ModelConfig): { layers: number; vocabulary: number } {
  const { hiddenSize, intermediateSize, headDim, numAttentionHeads, numKeyValueHeads } = config;
  const query = numAttentionHeads * headDim;
  const attention = hiddenSize * (2 * query + 2 * numKeyValueHeads * headDim);
  return {
    layers: config.numHiddenLayers * (attention + 3 * hiddenSize * intermediateSize),
    vocabulary: config.vocabSize * hiddenSize,
  };
}

/** FLOPs of a forward over `nodes` tokens with `rows` rows of logits. */
function forwardFlops(config: ModelConfig, { nodes, rows }: { nodes: number; rows: number }): number {
  const { layers, vocabulary } = matrixWeights(config);
  return 2 * (nodes * layers + rows * vocabulary);
}

/** FLOPs of training without kept activations: a forward, and a backward, which is twice as much. */
export const plainTrainingFlops = (config: ModelConfig, { train }: Counts, loraR: number | null = null) =>
  (loraR === null ? 3 : 2) * forwardFlops(config, train);

/**
 * The work of each phase of a step.
 * @param loraR rank of adapters on all linear layers; null (default): all weights learn
 */
export function workOf(
  config: ModelConfig,
  dtype: DType,
  counts: Counts,
  loraR: number | null = null,
): Record<Phase, Work> {
  const { layers, vocabulary } = matrixWeights(config);
  const adapters = loraR === null ? 0 : adapterCount(config, { r: loraR, targetModules: null });
  const size = dtype === 'bfloat16' || loraR !== null ? 2 : FLOAT32;
  const learning = loraR === null ? parameterCount(config) : adapters;
  const forward = (rows: { nodes: number; rows: number }) =>
    forwardFlops(config, rows) + 2 * rows.nodes * adapters;
  const pass = (layers + vocabulary) * size;
  const { sample, reference, train } = counts;
  // Derivatives with respect to the inputs take as much as the forward, and those with respect to what learns.
  const learned = loraR === null ? forward(train) : 2 * train.nodes * adapters;
  const backward = train.backward ? forward(train) + learned : 0;
  return {
    sample: { flops: forward(sample), read: sample.positions * pass, written: 0 },
    reference: { flops: forwardFlops(config, reference), read: reference.nodes > 0 ? pass : 0, written: 0 },
    train: {
      flops: forward(train.forward) + backward,
      read:
        (train.forward.nodes > 0 ? layers * size : 0) +
        (train.forward.rows > 0 ? vocabulary * size : 0) +
        (train.backward ? pass : 0),
      written: train.backward ? learning * FLOAT32 : 0,
    },
    optimizer: {
      flops: 0,
      read: 5 * learning * FLOAT32,
      written: 3 * learning * FLOAT32 + (dtype === 'bfloat16' ? learning * size : 0),
    },
  };
}

/** Peak rate of matrix products in `dtype`, FLOP/s. */
export function arithmeticRate({ bfloat16, float32 }: MachineLimits, dtype: DType): number {
  return dtype === 'bfloat16' ? bfloat16 : Math.max(...Object.values(float32));
}

/**
 * The least seconds that `work` takes. Bytes written are paired with as many bytes read, at the rate of a copy or
 * an update in place, whichever is higher; the remaining bytes are read alone.
 */
export function floorOf({ flops, read, written }: Work, limits: MachineLimits, dtype: DType): Floor {
  const pairs = Math.min(read, written);
  const alone = Math.max(read, written) - pairs;
  return {
    arithmetic: flops / arithmeticRate(limits, dtype),
    memory: (2 * pairs) / Math.max(limits.copy, limits.update) + alone / limits.read,
  };
}

export function sumOfFloors(floors: Floor[]): Floor {
  return {
    arithmetic: floors.reduce((sum, { arithmetic }) => sum + arithmetic, 0),
    memory: floors.reduce((sum, { memory }) => sum + memory, 0),
  };
}

/** Whether arithmetic or memory bounds the time, and which share of `seconds` that bound is. */
export function shareOfLimit(floor: Floor, seconds: number): { bound: keyof Floor; share: number } {
  const bound = floor.arithmetic > floor.memory ? 'arithmetic' : 'memory';
  return { bound, share: seconds > 0 ? floor[bound] / seconds : 0 };
}

/** The highest of several measured rates, since other work on the machine lowers some of them. */
export function bestLimits(measured: MachineLimits[]): MachineLimits {
  const best = (of: (limits: MachineLimits) => number) => Math.max(...measured.map(of));
  const libraries = [...new Set(measured.flatMap(({ float32 }) => Object.keys(float32)))];
  return {
    threads: measured[0]!.threads,
    float32: Object.fromEntries(libraries.map((name) => [name, best(({ float32 }) => float32[name] ?? 0)])),
    rounding: best(({ rounding }) => rounding),
    bfloat16: best(({ bfloat16 }) => bfloat16),
    read: best(({ read }) => read),
    copy: best(({ copy }) => copy),
    update: best(({ update }) => update),
  };
}

/** Rows of logits that a batch needs: the distinct prefixes that a token is predicted from. */
export function predictorRows({ prompts, completions, promptOf }: Batch): number {
  const seen = new Set<string>();
  completions.forEach((ids, i) => {
    let key = prompts[promptOf[i]!]!.join();
    for (const id of ids) {
      seen.add(key);
      key += `,${id}`;
    }
  });
  return seen.size;
}
