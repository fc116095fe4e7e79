/**
 * The interface of the native addon. `native/` implements exactly this, and the rest of `src/` uses
 * the addon only through it.
 *
 * Every method that computes runs on the engine's own thread, in the order of the calls,
 * and returns a promise; the event loop stays free. Rejections carry `code` and `fix`
 * (see `GrpoError`). A disposed engine rejects everything with `ENGINE_DISPOSED`.
 */

/**
 * Number format that matrix products are computed in. Weights that learn, gradients and AdamW's moments are float32
 * in both.
 */
export type DType = 'float32' | 'bfloat16';

/** Architecture in plain numbers, read from `config.json` by `src/model/config.ts`. */
export interface ModelConfig {
  /** Architecture, as `config.json` names it. */
  modelType: 'qwen2' | 'qwen3' | 'llama';
  /** Tokens that the model has an embedding for; those of the tokenizer may be fewer. */
  vocabSize: number;
  /** Width of the residual stream. */
  hiddenSize: number;
  /** Width of the gated MLP. */
  intermediateSize: number;
  /** Transformer layers. */
  numHiddenLayers: number;
  /** Query heads of a layer. */
  numAttentionHeads: number;
  /** Key and value heads of a layer; fewer than query heads with grouped-query attention. */
  numKeyValueHeads: number;
  /** Width of one head. */
  headDim: number;
  /** Added to the mean square in RMSNorm. */
  rmsNormEps: number;
  /** q/k/v projections have biases (Qwen2, or `attention_bias`). */
  qkvBias: boolean;
  /** The output projection of attention has a bias (Llama with `attention_bias`). */
  oBias: boolean;
  /** gate/up/down projections have biases (Llama with `mlp_bias`). */
  mlpBias: boolean;
  /** RMSNorm over each head of q and k (Qwen3). */
  qkNorm: boolean;
  /** The output projection is the embedding matrix. */
  tieWordEmbeddings: boolean;
  /** Most tokens of a prompt and its completion together. */
  maxPositionEmbeddings: number;
  /** Inverse rotary frequencies, `[headDim / 2]`, scaling (such as llama3's) applied. */
  ropeInvFreq: Float64Array;
}

/**
 * Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): a linear layer that has one computes W x + scale B A x. The
 * model's own weights are frozen, and A and B learn. Frozen weights are kept in bfloat16 where the checkpoint has them
 * so, or where bfloat16 is computed with (float32 numbers are then rounded), else in float32.
 */
export interface LoraConfig {
  /** Rank: A is `[r, in]` and B `[out, r]`. */
  r: number;
  /** What B A x is multiplied by: lora_alpha / r, or of rsLoRA lora_alpha / sqrt(r) (arXiv:2312.03732). */
  scale: number;
  /** The layers that have an adapter, by the last part of their names, such as `q_proj`. */
  targetModules: string[];
  /** Decides A's first values, uniform in ±1 / sqrt(in); B's are 0. */
  seed: number;
}

/** Where a tensor's bytes are in a file. Checked in TypeScript, and again in C++ before they are read. */
export interface TensorLocation {
  /** As the checkpoint names it, such as `model.layers.0.self_attn.q_proj.weight`. */
  name: string;
  /** Path of the safetensors file. */
  file: string;
  /** How its numbers are stored. */
  dtype: 'F32' | 'F16' | 'BF16';
  /** Size of each dimension. */
  shape: number[];
  /** First byte in the file. */
  begin: number;
  /** Byte after the last one. */
  end: number;
}

/**
 * How the next token is drawn from the logits: repetition penalty, temperature, then the filters, as in
 * transformers.
 */
export interface SamplingOptions {
  /** Divides the logits before the softmax that tokens are drawn from; 0 takes the most likely token. */
  temperature: number;
  /** Temperature that log-probabilities are told at; default `temperature`. */
  policyTemperature?: number;
  /** Only the K most likely tokens can be drawn; 0: all. */
  topK: number;
  /**
   * Only the most likely tokens that make up this probability together can be drawn (nucleus sampling); 1: all.
   */
  topP: number;
  /** Only tokens at least this share as likely as the most likely one can be drawn; 0: all. */
  minP: number;
  /**
   * Makes tokens of the prompt and the completion so far less likely, above 1; 1: off (Keskar et al. 2019,
   * arXiv:1909.05858).
   */
  repetitionPenalty: number;
}

/** Ways to choose the completions of a prompt; see `SamplingMethod`. */
export const SAMPLING_METHODS = ['independent', 'without_replacement', 'most_probable'] as const;
/**
 * Which completions a prompt gets: each drawn by itself (`independent`); distinct ones, drawn without replacement
 * by a stochastic beam search (`without_replacement`: Kool, van Hoof and Welling 2019, arXiv:1903.06059); or those
 * of the highest probability, by a beam search (`most_probable`).
 */
export type SamplingMethod = (typeof SAMPLING_METHODS)[number];

/** A rollout: prompts, and how completions are drawn for them. */
export interface SampleRequest extends SamplingOptions {
  /**
   * Default `independent`. The other methods give distinct completions, the best first; a prompt that has fewer
   * than `numGenerations` has the best ones again in the places that are left.
   */
  samplingMethod?: SamplingMethod;
  /**
   * With `most_probable`: paths beyond those that have this probability together are dropped; 1 (default): none
   * is. At least so much of the distribution is among the completions, where `numGenerations` are enough for it.
   */
  samplingCoverage?: number;
  /** `[prompts]` token ids of each, at least one. */
  prompts: Int32Array[];
  /**
   * Completions of each prompt (the group size G). Completion i belongs to prompt `floor(i / numGenerations)`.
   */
  numGenerations: number;
  /**
   * Position in its group of the first completion drawn here; above 0 where a group is sampled in several
   * calls, which independent draws alone can be. It enters the draws.
   */
  firstGeneration: number;
  /** Most tokens of a completion, the end-of-sequence token included. */
  maxCompletionLength: number;
  /** Token ids that end a completion. */
  eosTokenIds: number[];
  /** The random draw of a token depends only on (seed, step, promptIndices[p], completion, position). */
  seed: number;
  /** Enters the draws: another step gives other completions. Training counts from 1; evaluations use 0. */
  step: number;
  /** `[prompts]` stable identity of each prompt, such as its position in the dataset. It enters the draws. */
  promptIndices: number[];
  /**
   * Keeps what was computed, so that a following `forward` of the same completions need not compute it again.
   * Dropped when the weights change.
   */
  keepActivations?: boolean;
}

/**
 * What one token position of a rollout gave: parallel arrays over the completions that were still running; where
 * they are not drawn independently, over all completions of the prompts that have one running.
 */
export interface SampledPosition {
  /** Indices of these completions. */
  completions: Int32Array;
  /**
   * The completion that each continues, as it was before this position: itself in independent draws. In the other
   * methods a completion can be continued several times, or dropped.
   */
  from: Int32Array;
  /** Id of the token that each got; -1 where `from` had ended before, and stays as it is. */
  tokens: Int32Array;
  /** 1 where the completion ended with this token (end of sequence, or greatest length), or before. */
  ended: Uint8Array;
  /** Log-probability of the drawn token, nats, at `policyTemperature`, before top_k, top_p and min_p. */
  logps: Float32Array;
  /** Distinct tokens forwarded for this position; at the first one, the prompts' too. */
  computed: number;
}

/**
 * Completions with their prompts: what is scored and learned from. Completions that begin alike share the
 * computation.
 */
export interface Batch {
  /** `[prompts]` token ids of each. */
  prompts: Int32Array[];
  /** `[completions]` token ids of each, at least one. */
  completions: Int32Array[];
  /** `[completions]` index of each one's prompt. */
  promptOf: Int32Array;
}

/**
 * Log-probabilities and entropies of all completion tokens of a batch, `[tokens]`: completions one after
 * another, without padding.
 */
export interface TokenScores {
  /** `[tokens]` log π(token | all before it), nats, at the given temperature. */
  logps: Float32Array;
  /** `[tokens]` entropy of the distribution that the token was drawn from, nats, at the given temperature. */
  entropies: Float32Array;
  /**
   * `[tokens]` KL(π || π_ref) of the distribution that the token was drawn from, over the whole vocabulary,
   * nats, at the given temperature (Amini et al. 2025, arXiv:2504.10637). Absent where it wasn't asked for.
   */
  kls?: Float32Array;
  /**
   * Distinct tokens of the batch that have to be forwarded: prompts, and completions but for their last token,
   * which predicts nothing.
   */
  nodes: number;
  /**
   * Of these, the ones forwarded for these scores; 0 where sampling kept them (`keepActivations`). With `kls`
   * those that the reference model forwarded are added.
   */
  computed: number;
  /**
   * Distinct positions whose logits over the vocabulary were computed for these scores; 0 where sampling kept
   * their log-probabilities.
   */
  predicted: number;
}

/** One AdamW step (Loshchilov and Hutter 2019, arXiv:1711.05101), after clipping by the global norm. */
export interface OptimizerOptions {
  /** Step size. */
  learningRate: number;
  /** Decay of the running mean of gradients. */
  beta1: number;
  /** Decay of the running mean of squared gradients. */
  beta2: number;
  /** Added to the root of the second moment. */
  eps: number;
  /** Decoupled weight decay; multiplied by the learning rate. */
  weightDecay: number;
  /** Names of the parameters that are not decayed, such as biases and norms. */
  noWeightDecay: string[];
  /** Greatest global norm of the gradients, which are scaled down to it; 0: no clipping. */
  maxGradNorm: number;
}

/** A tensor with its name. */
export interface NamedTensor {
  /** As the checkpoint names it; of an adapter as PEFT does: `base_model.model.` + layer + `.lora_A.weight`. */
  name: string;
  /** Size of each dimension. */
  shape: number[];
}

/** A parameter of the model. */
export interface Parameter extends NamedTensor {
  /** Whether it learns. Frozen ones have no gradient and no moments. */
  trainable: boolean;
}

/** What computes, and how fast. */
export interface EngineInfo {
  /** Version of libtorch. */
  torchVersion: string;
  /** `cpu` or `cuda:N`. */
  device: string;
  /** Number format of matrix products. */
  dtype: DType;
  /** CPU threads. */
  threads: number;
  /** Library of the matrix products: `mkl` or `onednn`, chosen by measurement; on a GPU `cublas`. */
  matrixBackend: string;
  /**
   * GFLOP/s of each candidate in float32: the harmonic mean over 16, 64 and 256 rows times 896 x 4864. Empty
   * where none was measured.
   */
  matrixGflops: Record<string, number>;
  /** What was measured of bfloat16. Absent where float32 was asked for, and on a GPU. */
  bfloat16?: Bfloat16Info;
  /** Highest vector instructions that libtorch uses, such as `AVX512`. */
  cpuCapability: string;
  /** Memory of the GPU, as it is now. Absent on the CPU, and where the device doesn't tell. */
  deviceMemory?: DeviceMemory;
}

/** bfloat16 on a processor, measured. */
export interface Bfloat16Info {
  /** How many times as fast as float32 a step's matrix products are: 16 to 256 rows, forward and gradients of weights. */
  speed: number;
  /** The most rows of a product that the engine's own kernel multiplies, rather than libtorch: 0 to 256. */
  fewRows: number;
  /** The same of the gradients of weights. */
  fewRowsOfGrad: number;
}

/** Memory of a GPU, in bytes. */
export interface DeviceMemory {
  /** All that the GPU has. */
  total: number;
  /** What tensors may still take: free bytes, and those that libtorch keeps for further tensors. */
  free: number;
}

/** Bytes that the engine's tensors take. */
export interface MemoryReport {
  /** Weights of the model that learns. */
  policy: number;
  /** Weights of the frozen reference model; 0 where there is none. */
  reference: number;
  /** Gradients of all weights. */
  gradients: number;
  /** AdamW's two moments. */
  optimizer: number;
}

/**
 * Which value of a parameter: its weight, its gradient, AdamW's first or second moment, the reference model's
 * weight, or its weight with what an adapter of its layer adds (`merged`: W + scale B A).
 */
export type TensorKind = 'weight' | 'grad' | 'exp_avg' | 'exp_avg_sq' | 'reference' | 'merged';

/**
 * The native addon's object, which `LanguageModel` is built on (`model.engine`). Most programs need only
 * `LanguageModel`.
 *
 * Methods run on the engine's own thread, in the order of the calls, and return promises; the event loop stays
 * free. They reject with a `GrpoError`: `BAD_ARGUMENT` (a wrong shape, id or number, or a call out of order),
 * `OUT_OF_MEMORY` (the weights are as before), `ABORTED`, `ENGINE_DISPOSED`, `DEVICE_UNKNOWN`,
 * `DEVICE_MISSING`, `DEVICE_LOST` (a GPU failed for the whole process), `FILE_READ`, `FILE_WRITE`,
 * `TENSOR_BYTES`, `TENSOR_MISMATCH`, `TENSOR_UNKNOWN`, `LIBTORCH_VERSION` (see `limitMemory`).
 */
export interface NativeEngine {
  /** What computes. The first call loads libtorch and opens the device. */
  info(): Promise<EngineInfo>;

  /** Reads the weights of a model; once an engine. With `lora` the adapters are added to it, and they alone learn. */
  load(config: ModelConfig, tensors: TensorLocation[], lora?: LoraConfig | null): Promise<void>;
  /**
   * Draws the weights from normal(0, 0.02), with biases 0 and norms 1, in place of `load`. For benchmarks and
   * tests.
   */
  initialize(config: ModelConfig, seed: number, lora?: LoraConfig | null): Promise<void>;
  /**
   * Copies the policy's weights as they are now into the reference model. With adapters the reference is the model
   * without them, and shares its weights.
   */
  freezeReference(): Promise<void>;

  /** reference = alpha * policy + (1 - alpha) * reference, weight by weight. Not with adapters. */
  mixReference(alpha: number): Promise<void>;

  /** Starts a rollout. There is one at a time; a new one drops the old. */
  sampleStart(request: SampleRequest): Promise<void>;
  /** Ends the completions whose indices `stopped` has, and draws the next token of all others that run. */
  sampleNext(stopped: Int32Array): Promise<SampledPosition>;
  /** Ends the rollout and frees its KV cache. */
  sampleEnd(): Promise<void>;

  /**
   * Log-probabilities and entropies of given completions, and with `kl` their KLs to the reference model,
   * without keeping anything for `backward`.
   */
  score(batch: Batch, which: 'policy' | 'reference', temperature: number, kl?: boolean): Promise<TokenScores>;
  /**
   * As `score` with the policy, keeping what `backward` needs until then, the next `forward` or a change of
   * the reference model.
   */
  forward(batch: Batch, temperature: number, kl?: boolean): Promise<TokenScores>;
  /**
   * Adds to the gradients, given dL/dlogps `[tokens]`, and each of dL/dentropies and dL/dkls `[tokens]` that
   * the loss depends on, of the last `forward`.
   */
  backward(dLogps: Float32Array, dEntropies?: Float32Array | null, dKls?: Float32Array | null): Promise<void>;
  /**
   * Adds up the gradients of all ranks, in each of them: collective. Rejects with `RANKS_FAILED` where not all come
   * within `seconds`.
   */
  sumGradients(seconds: number): Promise<void>;
  /**
   * Clips the gradients, takes one AdamW step and zeroes them. Gives their norm before clipping; where that is
   * not finite, nothing is updated.
   */
  optimizerStep(options: OptimizerOptions): Promise<number>;
  /** Zeroes the gradients and drops what `forward` kept. */
  zeroGrad(): Promise<void>;

  /** Logits `[ids.length, vocabSize]` of one sequence, row-major. */
  logits(ids: Int32Array): Promise<Float32Array>;
  /** The parameters, in the checkpoint's order; adapters after the weight of their layer. */
  parameters(): Promise<Parameter[]>;
  /** One tensor's values as float32. */
  tensor(name: string, kind: TensorKind): Promise<Float32Array>;
  /** Writes `header` and then each named tensor as float32 to `file`, and syncs it to disk. */
  writeTensors(
    file: string,
    header: Uint8Array,
    tensors: { name: string; kind: TensorKind }[],
  ): Promise<void>;
  /** Copies tensors as they are now, so that they can be written while training goes on. */
  snapshot(tensors: { name: string; kind: TensorKind }[]): Promise<TensorSnapshot>;
  /** Reads tensors (all F32) into weights, moments or the reference. */
  readTensors(tensors: (TensorLocation & { kind: TensorKind })[]): Promise<void>;
  /** Sets AdamW's count of steps taken, which its bias correction depends on. */
  setOptimizerSteps(steps: number): Promise<void>;
  /** Zeroes AdamW's moments and its count of steps. */
  resetOptimizer(): Promise<void>;

  /** Bytes that weights, reference, gradients and moments take. */
  memory(): Promise<MemoryReport>;
  /**
   * Bytes that the process' tensors may take on the engine's device from now on beyond what they have; more is
   * `OUT_OF_MEMORY`. 0: no limit. On a GPU it takes libtorch 2.9 or newer.
   */
  limitMemory(bytes: number): Promise<void>;
  /** Ends queued work with `ABORTED` as soon as the running operation reaches a token or layer boundary. */
  abort(): void;
  /** Ends the thread and frees the memory. May be called again. */
  dispose(): Promise<void>;
}

/** Copies of tensors as they were; they outlive the engine. */
export interface TensorSnapshot {
  /** Memory that the copies take. */
  readonly bytes: number;
  /** Frees it. May be called again. */
  release(): void;
}

export interface EngineOptions {
  /** `cpu`, `cuda` or `cuda:N`; `openDevice` makes one of these of `auto`. */
  device: string;
  /** `auto`: bfloat16 on a GPU, and on a processor where a step's products are at least 1.2 times as fast in it. */
  dtype: DType | 'auto';
  /** 0: libtorch's default, one per physical core. */
  threads: number;
  /** `auto` measures both once per process and shape, which takes about 100 ms. */
  matrixBackend: 'auto' | 'mkl' | 'onednn';
  /** What is measured; default: products of the shape of Qwen2-0.5B. */
  matrixShape?: MatrixShape;
  /** What was measured of bfloat16 before; by default it is measured where `dtype` is not float32. */
  bfloat16?: Bfloat16Info;
}

/** The largest products of a model's layers: `[rows, in]` x `[in, out]`. */
export interface MatrixShape {
  in: number;
  out: number;
  /** How many layers multiply the same number of rows. */
  layers: number;
}

/**
 * A device's peak rates, measured: FLOP/s of matrix products (1024 x 896 x 4864 on the CPU, 8192 x 8192 x 8192 on
 * a GPU), and bytes/s of memory traffic.
 */
export interface MachineLimits {
  threads: number;
  /** FLOP/s in float32 by library (`mkl`, `onednn`; `cublas`): of those that compute float32 products exactly. */
  float32: Record<string, number>;
  /** Of a float32 product: its largest error over its largest value. Rounding to TF32 or bfloat16 shows here. */
  rounding: number;
  bfloat16: number;
  /** Bytes/s of reading alone. */
  read: number;
  /** Bytes/s of a copy, bytes read and bytes written added up, as in `update`. */
  copy: number;
  /** Bytes/s of an update in place. */
  update: number;
}

/** The processes that MPI has started together. Calls but `abort` are collective: all ranks make the same ones. */
export interface NativeRanks {
  /** Loads the object that native/mpi is compiled to, and starts MPI; once a process. */
  start(object: string): { rank: number; size: number; library: string };
  /** `[ranks]` the bytes of each. Rejects with `RANKS_FAILED` where not all come within `seconds`. */
  gather(own: Uint8Array, seconds: number): Promise<Uint8Array[]>;
  /** Ends MPI, when all have come. */
  finish(): void;
  /** Ends the processes of all ranks. */
  abort(code: number): void;
}

export interface NativeAddon {
  Engine: new (options: EngineOptions) => NativeEngine;
  ranks: NativeRanks;
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
  /**
   * Draws from rows of `logits` (rows one after another) a token for each uniform number of a row, by the
   * implementation for the host or by the one for devices. For tests.
   */
  drawTokens(
    request: SamplingOptions & {
      logits: Float32Array;
      uniforms: Float32Array[];
      history: Int32Array[];
      onDevice: boolean;
    },
  ): { ids: Float32Array; logps: Float32Array };
  /** Throws what an error of libtorch with this text becomes. For tests. */
  throwLibtorchError(message: string): never;
  /**
   * Measures the peak rates of a device: about a second on the calling thread, with half a GB, on a GPU with 2 GB
   * of its memory. `threads` 0: libtorch's default.
   */
  machineLimits(options: { device: string; threads: number }): MachineLimits;
  /** The uniform number in [0, 1) that decides the draw of (seed, step, prompt, completion, position). For tests. */
  uniform(seed: number, step: number, prompt: number, completion: number, position: number): number;
}
