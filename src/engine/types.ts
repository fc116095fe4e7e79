/**
 * The interface of the native addon. `native/` implements exactly this, and the rest of `src/` uses
 * the addon only through it.
 *
 * Every method that computes runs on the engine's own thread, in the order of the calls,
 * and returns a promise; the event loop stays free. Rejections carry `code` and `fix`
 * (see `GrpoError`). A disposed engine rejects everything with `ENGINE_DISPOSED`.
 */

export type DType = 'float32' | 'bfloat16';

/** Architecture in plain numbers, read from `config.json` by `src/model/config.ts`. */
export interface ModelConfig {
  modelType: 'qwen2' | 'qwen3' | 'llama';
  vocabSize: number;
  hiddenSize: number;
  intermediateSize: number;
  numHiddenLayers: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  headDim: number;
  rmsNormEps: number;
  /** q/k/v projections have biases (Qwen2, or `attention_bias`). */
  qkvBias: boolean;
  /** The output projection of attention has a bias (Llama with `attention_bias`). */
  oBias: boolean;
  /** gate/up/down projections have biases (Llama with `mlp_bias`). */
  mlpBias: boolean;
  /** RMSNorm over each head of q and k (Qwen3). */
  qkNorm: boolean;
  tieWordEmbeddings: boolean;
  maxPositionEmbeddings: number;
  /** Inverse rotary frequencies, `[headDim / 2]`, scaling (such as llama3's) applied. */
  ropeInvFreq: Float64Array;
}

/** Where a tensor's bytes are in a file. Checked in TypeScript, and again in C++ before they are read. */
export interface TensorLocation {
  name: string;
  file: string;
  dtype: 'F32' | 'F16' | 'BF16';
  shape: number[];
  /** Byte range in the file, end exclusive. */
  begin: number;
  end: number;
}

export interface SamplingOptions {
  /** Softmax temperature; 0 takes the most likely token. */
  temperature: number;
  /** 0: off. */
  topK: number;
  /** 1: off. */
  topP: number;
  /** 0: off. */
  minP: number;
  /** 1: off. */
  repetitionPenalty: number;
}

export interface SampleRequest extends SamplingOptions {
  /** `[prompts]` token ids of each prompt; none is empty. */
  prompts: Int32Array[];
  /** Completions per prompt (G). Completion i belongs to prompt `floor(i / numGenerations)`. */
  numGenerations: number;
  /** Index, within its group, of each prompt's first completion here: above 0 where a group is sampled in parts. Random draws depend on it. */
  firstGeneration: number;
  maxCompletionLength: number;
  eosTokenIds: number[];
  /** The random draw of a token depends only on (seed, step, promptIndices[p], completion, position). */
  seed: number;
  step: number;
  /** Stable identity of each prompt in its dataset. */
  promptIndices: number[];
  /** Keeps the activations until the weights change, so that a `forward` of the sampled completions needn't compute them again. */
  keepActivations?: boolean;
}

/** The tokens drawn at one position: parallel arrays over the completions that had not ended before it. */
export interface SampledPosition {
  /** Indices of the completions for which a token was drawn. */
  completions: Int32Array;
  tokens: Int32Array;
  /** 1 where the completion ended here (end-of-sequence token, or length). */
  ended: Uint8Array;
  /** Log-prob of the drawn token, nats, at the sampling temperature, before top_k/top_p/min_p. */
  logps: Float32Array;
  /** Distinct tokens forwarded for this position; at the first position, the prompts' tokens too. */
  computed: number;
}

/** Prompts and completions to compute log-probs of. Shared prefixes are computed once. */
export interface Batch {
  prompts: Int32Array[];
  /** Each non-empty. */
  completions: Int32Array[];
  /** For each completion, the index of its prompt. */
  promptOf: Int32Array;
}

/** Results per completion token, one completion after another: `[sum of completion lengths]`. */
export interface TokenScores {
  /** log pi(token | tokens before it), nats, at `temperature`. */
  logps: Float32Array;
  /** Entropy of the distribution the token was drawn from, nats, at `temperature`. */
  entropies: Float32Array;
  /** Nodes of the token tree needed to predict the completions: all prompt and completion tokens but each completion's last. */
  nodes: number;
  /** How many of these nodes this call forwarded: 0 if sampling kept their activations (`keepActivations`). */
  computed: number;
  /** Rows of logits this call computed, one per distinct prefix that a token is predicted from: 0 if sampling kept its log-probs. */
  predicted: number;
}

export interface OptimizerOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  /** Names of parameters without weight decay. */
  noWeightDecay: string[];
  /** Global-norm clipping; 0: off. */
  maxGradNorm: number;
}

export interface NamedTensor {
  name: string;
  shape: number[];
}

export interface EngineInfo {
  torchVersion: string;
  device: string;
  dtype: DType;
  threads: number;
  /** Library of matrix products: `mkl`, `onednn` or `cublas`. */
  matrixBackend: string;
  /** GFLOP/s of each library in float32: the harmonic mean over [16, 64 and 256] x 896 x 4864. Empty if nothing was measured. */
  matrixGflops: Record<string, number>;
  /** Speed of bfloat16 matrix products on this processor, relative to float32; only with dtype bfloat16. */
  bfloat16Speed?: number;
  /** The widest vector instructions that libtorch uses, such as `AVX512`. */
  cpuCapability: string;
}

export interface MemoryReport {
  /** Bytes held by the policy's weights, the reference, gradients, and AdamW's moments. */
  policy: number;
  reference: number;
  gradients: number;
  optimizer: number;
}

export type TensorKind = 'weight' | 'grad' | 'exp_avg' | 'exp_avg_sq' | 'reference';

export interface NativeEngine {
  info(): Promise<EngineInfo>;

  /** Reads the weights. Once per engine. */
  load(config: ModelConfig, tensors: TensorLocation[]): Promise<void>;
  /**
   * Draws random weights from normal(0, 0.02), with biases 0 and norms 1. Once per engine, in place of
   * `load`. For benchmarks and tests.
   */
  initialize(config: ModelConfig, seed: number): Promise<void>;
  /** Copies the policy's weights as they are now: this is the reference model. */
  freezeReference(): Promise<void>;

  /** Moves the reference model toward the policy: reference = alpha policy + (1 - alpha) reference. */
  mixReference(alpha: number): Promise<void>;

  /** Begins a rollout: a token tree over the prompts. Only one at a time; another start discards the one before. */
  sampleStart(request: SampleRequest): Promise<void>;
  /** Ends the completions in `stopped`, then draws the next token of every other running one. */
  sampleNext(stopped: Int32Array): Promise<SampledPosition>;
  /** Ends the rollout and frees its KV cache. */
  sampleEnd(): Promise<void>;

  /** Log-probs and entropies of the batch, without activations for a backward. */
  score(batch: Batch, which: 'policy' | 'reference', temperature: number): Promise<TokenScores>;
  /** Log-probs and entropies under the policy. Keeps the activations for `backward` until it or another forward is called. */
  forward(batch: Batch, temperature: number): Promise<TokenScores>;
  /** Accumulates gradients from dL/dlogps and dL/dentropies (or null) of the last forward's tokens. */
  backward(dLogps: Float32Array, dEntropies: Float32Array | null): Promise<void>;
  /** Clips, takes an AdamW step and zeroes the gradients. Returns the norm before clipping; if it isn't finite, no step is taken. */
  optimizerStep(options: OptimizerOptions): Promise<number>;
  /** Zeroes the gradients and frees activations. */
  zeroGrad(): Promise<void>;

  /** Logits `[ids.length, vocabSize]` of one sequence, row-major. */
  logits(ids: Int32Array): Promise<Float32Array>;
  /** Names and shapes of the parameters, in the checkpoint's order. */
  parameters(): Promise<NamedTensor[]>;
  /** One tensor's values as float32. */
  tensor(name: string, kind: TensorKind): Promise<Float32Array>;
  /** Writes `header` and then each named tensor as float32 to `file`, and syncs it to disk. */
  writeTensors(
    file: string,
    header: Uint8Array,
    tensors: { name: string; kind: TensorKind }[],
  ): Promise<void>;
  /** Copies tensors as they are now into main memory, for `writeSnapshot`. */
  snapshot(tensors: { name: string; kind: TensorKind }[]): Promise<TensorSnapshot>;
  /** Reads tensors (all F32) into the optimiser's moments or the weights. */
  readTensors(tensors: (TensorLocation & { kind: TensorKind })[]): Promise<void>;
  /** Sets AdamW's step count. */
  setOptimizerSteps(steps: number): Promise<void>;
  /** Clears AdamW's moments and step count. */
  resetOptimizer(): Promise<void>;

  memory(): Promise<MemoryReport>;
  /** Limits how many more bytes the process's tensors may take on the CPU; beyond it, calls reject with `OUT_OF_MEMORY`. 0: no limit. */
  limitMemory(bytes: number): Promise<void>;
  /** Ends queued work with `ABORTED` as soon as the running operation reaches a token or layer boundary. */
  abort(): void;
  /** Idempotent; resolves when the thread has gone and memory is freed. */
  dispose(): Promise<void>;
}

/** Copies of tensors, which stay valid when the engine goes on or is disposed of. */
export interface TensorSnapshot {
  /** Memory that the copies take. */
  readonly bytes: number;
  /** Frees the memory. Idempotent. */
  release(): void;
}

export interface EngineOptions {
  /** `cpu`, `cuda` or `cuda:N`. */
  device: string;
  dtype: DType;
  /** 0: libtorch's default, one per physical core. */
  threads: number;
  /** `auto` measures both once per process, which takes about 100 ms. */
  matrixBackend: 'auto' | 'mkl' | 'onednn';
}

/** The machine's peak rates, measured: FLOP/s of matrix products of 1024 x 896 x 4864, and bytes/s of memory traffic. */
export interface MachineLimits {
  threads: number;
  /** FLOP/s in float32 by library (`mkl`, `onednn`): of those that compute float32 products exactly. */
  float32: Record<string, number>;
  bfloat16: number;
  /** Bytes/s of reading alone. */
  read: number;
  /** Bytes/s of a copy, bytes read and bytes written added up, as in `update`. */
  copy: number;
  /** Bytes/s of an update in place. */
  update: number;
}

export interface NativeAddon {
  Engine: new (options: EngineOptions) => NativeEngine;
  /**
   * Writes `header` and then some tensors of the snapshot as float32 to `file`, on a thread of its own, and
   * syncs it to disk.
   */
  writeSnapshot(
    snapshot: TensorSnapshot,
    file: string,
    header: Uint8Array,
    indices: Int32Array,
  ): Promise<void>;
  /** `[vocab]` the probabilities that the sampler draws from. For tests. */
  probabilities(logits: Float32Array, history: Int32Array, options: SamplingOptions): Float32Array;
  /** Measures the peak rates: about a second on the calling thread, with half a GB. `threads` 0: libtorch's default. */
  machineLimits(options: { threads: number }): MachineLimits;
  /** The uniform number in [0, 1) that decides the draw of (seed, step, prompt, completion, position). For tests. */
  uniform(seed: number, step: number, prompt: number, completion: number, position: number): number;
}
