/**
 * What a step must cost on this machine at least: the arithmetic that no implementation can leave out,
 * at the best rate of matrix products, and the bytes that must pass through memory, at its best rate.
 *
 *   sample      a pass over the weights a token position, forwarding what is new
 *   reference   one pass, where anything is new
 *   train       forward (nothing where sampling kept what it computed) and backward: the weights are read
 *               for each, and the gradients written
 *   optimizer   the norm reads the gradients; AdamW reads weights, gradients and both moments, and writes
 *               weights and both moments
 *
 * Left out on purpose: attention, norms, activations and the key/value store, which are small beside the
 * weights at these lengths. So a floor is never too high.
 */
import { parameterCount } from '../src/model/config.js';
import type { Batch, DType, MachineLimits, ModelConfig } from '../src/engine/types.js';

export const PHASES = ['sample', 'reference', 'train', 'optimizer'] as const;
export type Phase = (typeof PHASES)[number];

/** What one step computed, in tokens. Rows are those of the vocabulary projection. */
export interface Counts {
  /** `nodes`: distinct tokens forwarded; `positions`: one after another. */
  sample: { nodes: number; rows: number; positions: number };
  /** Zeros where every path was known. */
  reference: { nodes: number; rows: number };
  /** `forward` were forwarded, of `nodes` and `rows`; all of them are gone back through, if any (`backward`). */
  train: { forward: { nodes: number; rows: number }; nodes: number; rows: number; backward: boolean };
}

/** What must be done. */
export interface Work {
  flops: number;
  /** Bytes of memory. */
  read: number;
  written: number;
}

export interface Floor {
  /** Seconds that the arithmetic takes at least, and the traffic to memory. */
  arithmetic: number;
  memory: number;
}

const FLOAT32 = 4;

/** Weights that a token is multiplied with, in the layers and in the vocabulary projection. */
export function matrixWeights(config: ModelConfig): { layers: number; vocabulary: number } {
  const { hiddenSize, intermediateSize, headDim, numAttentionHeads, numKeyValueHeads } = config;
  const query = numAttentionHeads * headDim;
  const attention = hiddenSize * (2 * query + 2 * numKeyValueHeads * headDim);
  return {
    layers: config.numHiddenLayers * (attention + 3 * hiddenSize * intermediateSize),
    vocabulary: config.vocabSize * hiddenSize,
  };
}

/** Arithmetic of a forward over `nodes`, `rows` of which are multiplied with the vocabulary. */
function forwardFlops(config: ModelConfig, { nodes, rows }: { nodes: number; rows: number }): number {
  const { layers, vocabulary } = matrixWeights(config);
  return 2 * (nodes * layers + rows * vocabulary);
}

/** Of training that keeps nothing of sampling: a forward and a backward, which is twice as much. */
export const plainTrainingFlops = (config: ModelConfig, { train }: Counts): number =>
  3 * forwardFlops(config, train);

/** The work of each phase of a step. */
export function workOf(config: ModelConfig, dtype: DType, counts: Counts): Record<Phase, Work> {
  const { layers, vocabulary } = matrixWeights(config);
  const size = dtype === 'bfloat16' ? 2 : FLOAT32;
  const parameters = parameterCount(config);
  const forward = (rows: { nodes: number; rows: number }) => forwardFlops(config, rows);
  const pass = (layers + vocabulary) * size;
  const { sample, reference, train } = counts;
  // Backward is twice the forward: once towards the inputs, once towards the weights.
  const backward = train.backward ? 2 * forward(train) : 0;
  return {
    sample: { flops: forward(sample), read: sample.positions * pass, written: 0 },
    reference: { flops: forward(reference), read: reference.nodes > 0 ? pass : 0, written: 0 },
    train: {
      flops: forward(train.forward) + backward,
      read:
        (train.forward.nodes > 0 ? layers * size : 0) +
        (train.forward.rows > 0 ? vocabulary * size : 0) +
        (train.backward ? pass : 0),
      written: train.backward ? parameters * FLOAT32 : 0,
    },
    optimizer: {
      flops: 0,
      read: 5 * parameters * FLOAT32,
      written: 3 * parameters * FLOAT32 + (dtype === 'bfloat16' ? parameters * size : 0),
    },
  };
}

/** Best rate of matrix products in `dtype`, FLOP/s. */
export function arithmeticRate({ bfloat16, float32 }: MachineLimits, dtype: DType): number {
  return dtype === 'bfloat16' ? bfloat16 : Math.max(...Object.values(float32));
}

/**
 * Seconds that `work` takes at least. What is written passes with as much that is read, at the better rate
 * of a copy and an update in place; the rest is read alone.
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

/** Which floor is the higher one, and what share of `seconds` it is. */
export function shareOfLimit(floor: Floor, seconds: number): { bound: keyof Floor; share: number } {
  const bound = floor.arithmetic > floor.memory ? 'arithmetic' : 'memory';
  return { bound, share: seconds > 0 ? floor[bound] / seconds : 0 };
}

/** The best of several measurements, on a machine that others use too. */
export function bestLimits(measured: MachineLimits[]): MachineLimits {
  const best = (of: (limits: MachineLimits) => number) => Math.max(...measured.map(of));
  const libraries = [...new Set(measured.flatMap(({ float32 }) => Object.keys(float32)))];
  return {
    threads: measured[0]!.threads,
    float32: Object.fromEntries(libraries.map((name) => [name, best(({ float32 }) => float32[name] ?? 0)])),
    bfloat16: best(({ bfloat16 }) => bfloat16),
    read: best(({ read }) => read),
    copy: best(({ copy }) => copy),
    update: best(({ update }) => update),
  };
}

/** Rows of the vocabulary projection of a batch: distinct beginnings that a token is predicted from. */
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
