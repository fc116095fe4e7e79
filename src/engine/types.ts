/**
 * The native surface, typed once. `native/` implements exactly this and nothing else;
 * no other file of `src/` may reach past it.
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

/** Where one tensor's bytes lie. Checked in TypeScript, checked again before they are read. */
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
  /** Token ids, one array a prompt, each non-empty. */
  prompts: Int32Array[];
  /** Completions a prompt (G). Completion i belongs to prompt `floor(i / numGenerations)`. */
  numGenerations: number;
  /** Of each prompt, the first of them: those before are sampled apart. It decides the draws. */
  firstGeneration: number;
  maxCompletionLength: number;
  eosTokenIds: number[];
  /** The draw of a token depends on (seed, step, promptIndices[p], completion, position) alone. */
  seed: number;
  step: number;
  /** Stable identity of each prompt in its dataset. */
  promptIndices: number[];
  /** Keeps what was computed, so that a `forward` of what was sampled needn't: until the weights change. */
  keepActivations?: boolean;
}

/** What one token position brought: parallel arrays over the completions still running before it. */
export interface SampledPosition {
  /** Indices of the completions that drew a token. */
  completions: Int32Array;
  tokens: Int32Array;
  /** 1 where the completion ended here (end-of-sequence token, or length). */
  ended: Uint8Array;
  /** Log-prob of the drawn token, nats, at the sampling temperature, before top_k/top_p/min_p. */
  logps: Float32Array;
  /** Distinct tokens forwarded for this position (prompts included, at the first). */
  computed: number;
}

/** Completions of prompts; equal prefixes are computed once. */
export interface Batch {
  prompts: Int32Array[];
  /** Each non-empty. */
  completions: Int32Array[];
  /** For each completion, the index of its prompt. */
  promptOf: Int32Array;
}

/** Per-token results, completions one after another: length is the sum of completion lengths. */
export interface TokenScores {
  /** log pi(token | before it), nats, at `temperature`. */
  logps: Float32Array;
  /** Entropy of the distribution the token was drawn from, nats, at `temperature`. */
  entropies: Float32Array;
  /** Distinct tokens that predict a completion token or lead to one: prompts, and no completion's last token. */
  nodes: number;
  /** Of these, the ones forwarded for these scores: none where sampling kept them (`keepActivations`). */
  computed: number;
  /** Distinct beginnings multiplied with the vocabulary for these scores: none where sampling kept its log-probs. */
  predicted: number;
}

export interface OptimizerOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  weightDecay: number;
  /** Parameters that weight decay leaves alone. */
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
  /** Matrix back end chosen by measurement: `mkl`, `onednn` or `cublas`. */
  matrixBackend: string;
  /** GFLOP/s of each candidate, float32, the harmonic mean over 16, 64 and 256 x 896 x 4864; empty where none was measured. */
  matrixGflops: Record<string, number>;
  /** How many times as fast as float32's products of bfloat16 are on this processor; where it is computed with. */
  bfloat16Speed?: number;
  /** Highest vector instructions libtorch uses, e.g. `AVX512`. */
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

  /** Reads the weights. Once an engine. */
  load(config: ModelConfig, tensors: TensorLocation[]): Promise<void>;
  /**
   * Draws the weights from normal(0, 0.02), with biases 0 and norms 1, instead of reading them. Once an
   * engine, in place of `load`. For benchmarks and tests.
   */
  initialize(config: ModelConfig, seed: number): Promise<void>;
  /** Keeps a frozen copy of the policy as it is now as the reference. */
  freezeReference(): Promise<void>;

  /** reference = alpha policy + (1 - alpha) reference */
  mixReference(alpha: number): Promise<void>;

  /** Starts a token tree for each prompt. One sampling at a time; a new start drops the old one. */
  sampleStart(request: SampleRequest): Promise<void>;
  /** Draws the next token of every running completion, after ending `stopped` ones. */
  sampleNext(stopped: Int32Array): Promise<SampledPosition>;
  /** Frees the key/value store. */
  sampleEnd(): Promise<void>;

  /** Scores without keeping anything for a backward. */
  score(batch: Batch, which: 'policy' | 'reference', temperature: number): Promise<TokenScores>;
  /** Scores with the policy and keeps what `backward` needs (until then, or the next forward). */
  forward(batch: Batch, temperature: number): Promise<TokenScores>;
  /** Adds to the gradients, given dL/dlogps and (or null) dL/dentropies of the last forward. */
  backward(dLogps: Float32Array, dEntropies: Float32Array | null): Promise<void>;
  /** Clips, takes one AdamW step, zeroes the gradients; gives the norm before clipping. Not finite: no step. */
  optimizerStep(options: OptimizerOptions): Promise<number>;
  /** Forgets gradients and activations. */
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
  /** Copies of tensors as they are now, in the machine's memory: for `writeSnapshot`. */
  snapshot(tensors: { name: string; kind: TensorKind }[]): Promise<TensorSnapshot>;
  /** Reads tensors (all F32) into the optimiser's moments or the weights. */
  readTensors(tensors: (TensorLocation & { kind: TensorKind })[]): Promise<void>;
  /** AdamW's count of steps taken. */
  setOptimizerSteps(steps: number): Promise<void>;
  /** No moments, no steps taken. */
  resetOptimizer(): Promise<void>;

  memory(): Promise<MemoryReport>;
  /** From now on the process' tensors may take so many bytes more; beyond it `OUT_OF_MEMORY`. 0: no limit. On the CPU. */
  limitMemory(bytes: number): Promise<void>;
  /** Ends queued work with `ABORTED` as soon as the running operation reaches a token or layer boundary. */
  abort(): void;
  /** Idempotent; resolves when the thread has gone and memory is freed. */
  dispose(): Promise<void>;
}

/** Tensors as they were. Needs no engine any more. */
export interface TensorSnapshot {
  /** Held. */
  readonly bytes: number;
  /** Gives the memory back. Idempotent. */
  release(): void;
}

export interface EngineOptions {
  /** `cpu`, `cuda` or `cuda:N`. */
  device: string;
  dtype: DType;
  /** 0: libtorch's own number, one a physical core. */
  threads: number;
  /** `auto` measures both once a process, some 100 ms. */
  matrixBackend: 'auto' | 'mkl' | 'onednn';
}

/** What the machine gives at best: FLOP/s of matrix products of 1024 x 896 x 4864, and bytes/s of memory. */
export interface MachineLimits {
  threads: number;
  /** By library (`mkl`, `onednn`), of those that are exact in float32. */
  float32: Record<string, number>;
  bfloat16: number;
  /** Of reading alone. */
  read: number;
  /** From one place to another; bytes read and bytes written both count, here and below. */
  copy: number;
  /** In place. */
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
  /** Probabilities `[vocab]` that the sampler draws from; for tests against exact values. */
  probabilities(logits: Float32Array, history: Int32Array, options: SamplingOptions): Float32Array;
  /** Measures for about a second, on the calling thread, with half a GB. `threads` 0: libtorch's own number. */
  machineLimits(options: { threads: number }): MachineLimits;
  /** Uniform in [0, 1) behind the draw of (seed, step, prompt, completion, position). */
  uniform(seed: number, step: number, prompt: number, completion: number, position: number): number;
}
