/**
 * A language model that samples, scores and learns: the engine and its tokenizer in one object.
 * Everything here is about tokens and weights; rewards and losses are elsewhere.
 */
import { GrpoError } from '../common/errors.js';
import { engineThreads } from '../machine/processor.js';
import { BESIDE_TENSORS, freeWithin } from '../machine/memory.js';
import { createEngine, writeSnapshot } from '../engine/addon.js';
import { matrixBackend, rememberMatrixBackend } from '../engine/matrix-backend.js';
import type {
  Batch,
  DType,
  EngineInfo,
  EngineOptions,
  ModelConfig,
  NamedTensor,
  NativeEngine,
  OptimizerOptions,
  SampleRequest,
  TensorSnapshot,
  TokenScores,
} from '../engine/types.js';
import { parameterCount, readModelConfig } from './config.js';
import type { DownloadProgress } from './download.js';
import { resolveModel } from './files.js';
import { checkBatch, checkPositions } from './positions.js';
import { locateTensors, readHeader } from './safetensors.js';
import { MOMENTS, ModelSaver, readKeptFiles, tensorsOf, type KindOfTensor } from './saving.js';
import { readEosTokenIds, Tokenizer } from './tokenizer.js';

export interface LoadOptions {
  /**
   * `tiny`, a folder in the Hugging Face layout, a run (`runs/NAME`, `runs/NAME/checkpoint-N`), or a hub id.
   */
  model: string;
  /** `cpu` (default), `cuda` or `cuda:N`. */
  device?: string;
  /** Type of numbers that is computed with; weights are always kept in float32 too. Default `float32`. */
  dtype?: DType;
  /** CPU threads; 0 (default): one per physical core, within the quota of a container. */
  threads?: number;
  /**
   * Memory that the process may take, in GB; null (default): what is free. Beyond it calls fail with
   * `OUT_OF_MEMORY`.
   */
  maxMemory?: number | null;
  onProgress?: (progress: DownloadProgress) => void;
  /** Called with things that the user should know and that are not errors. */
  onNotice?: (text: string) => void;
  signal?: AbortSignal;
}

export interface InitializeOptions extends Pick<LoadOptions, 'device' | 'dtype' | 'threads' | 'maxMemory'> {
  config: ModelConfig;
  tokenizer: Tokenizer;
  eosTokenIds: number[];
  /** Seed of the random weights. */
  seed: number;
}

export interface SampleOptions
  extends
    Pick<
      SampleRequest,
      'prompts' | 'promptIndices' | 'numGenerations' | 'maxCompletionLength' | 'seed' | 'step' | 'temperature'
    >,
    Partial<
      Pick<
        SampleRequest,
        'firstGeneration' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty' | 'keepActivations'
      >
    > {
  /**
   * A stop rule: a completion ends where this returns true for its text so far. `prompt` is a position in
   * `prompts`; `drawn` is the text with special tokens.
   */
  stop?: (text: string, prompt: number, drawn: string) => boolean;
  signal?: AbortSignal;
  /** Called after each token position with the number of completions still running. */
  onPosition?: (running: number) => void;
}

export interface SampledCompletion {
  /** Position of its prompt in `prompts`. */
  prompt: number;
  /** Token ids, with the end-of-sequence token where one was drawn. */
  ids: Int32Array;
  /** The text without special tokens. */
  text: string;
  /** Log-probability of each token at the sampling temperature, nats: `[tokens]`. */
  logps: Float32Array;
  ended: 'eos' | 'stop' | 'length';
}

export interface Samples {
  completions: SampledCompletion[];
  /** Distinct tokens (nodes of the token tree) that were forwarded, prompts included. */
  computed: number;
}

export class LanguageModel {
  /** The files of a saved model beside its weights, or the error why they can't be saved. */
  readonly #files: Map<string, Uint8Array> | GrpoError;

  private constructor(
    /** The folder that the model was read from. */
    readonly folder: string,
    readonly config: ModelConfig,
    readonly tokenizer: Tokenizer,
    readonly eosTokenIds: number[],
    readonly engine: NativeEngine,
    files: Map<string, Uint8Array> | GrpoError = new Map<string, Uint8Array>(),
  ) {
    this.#files = files;
  }

  /**
   * Reads a model; downloads it first where it is named by a hub id that isn't in the cache.
   * @throws {GrpoError} for any fault of the folder, before a weight is read
   */
  static async load(options: LoadOptions): Promise<LanguageModel> {
    const {
      device = 'cpu',
      dtype = 'float32',
      threads = 0,
      maxMemory = null,
      onProgress,
      onNotice,
      signal,
    } = options;
    const folder = await resolveModel(options.model, {
      ...(onProgress && { onProgress }),
      ...(onNotice && { onNotice }),
      ...(signal && { signal }),
    });
    const config = await readModelConfig(folder);
    const [tensors, tokenizer, files] = await Promise.all([
      locateTensors(folder, config),
      Tokenizer.load(folder, config.vocabSize, options.onNotice),
      readKeptFiles(folder).catch(unlessLink),
    ]);
    const engine = await openEngine({ device, dtype, threads, maxMemory }, (empty) =>
      empty.load(config, tensors),
    );
    // Ids without an embedding are left out: they are never drawn.
    const eosTokenIds = (await readEosTokenIds(folder, tokenizer)).filter((id) => id < config.vocabSize);
    return new LanguageModel(folder, config, tokenizer, eosTokenIds, engine, files);
  }

  /** Makes a model with random weights, for benchmarks and tests. It has no folder, and so no files to save. */
  static async initialize(options: InitializeOptions): Promise<LanguageModel> {
    const { config, tokenizer, eosTokenIds, seed } = options;
    const { device = 'cpu', dtype = 'float32', threads = 0, maxMemory = null } = options;
    const engine = await openEngine({ device, dtype, threads, maxMemory }, (empty) =>
      empty.initialize(config, seed),
    );
    return new LanguageModel('', config, tokenizer, eosTokenIds, engine);
  }

  info(): Promise<EngineInfo> {
    return this.engine.info();
  }

  /**
   * @throws {GrpoError} MODEL_LINK where `save` and `snapshot` would fail: files of the folder are links to
   *   elsewhere
   */
  checkSaveable(): void {
    this.#kept();
  }

  #kept(): Map<string, Uint8Array> {
    if (this.#files instanceof GrpoError) throw this.#files;
    return this.#files;
  }

  /**
   * Makes the reference model: a frozen copy of the current weights, for `score(batch, { which: 'reference'
   * })`.
   */
  freezeReference(): Promise<void> {
    return this.engine.freezeReference();
  }

  /**
   * Lets the reference model follow the policy: its weights become alpha times the current weights of the
   * policy plus 1 - alpha times its own (TR-DPO, Gorbatovski et al. 2024, arXiv:2404.09656).
   */
  mixReference(alpha: number): Promise<void> {
    return this.engine.mixReference(alpha);
  }

  /**
   * Samples `numGenerations` completions of each prompt, prompt after prompt. The signal is checked between
   * token positions.
   */
  async sample(options: SampleOptions): Promise<Samples> {
    const { prompts, numGenerations, stop, signal, onPosition } = options;
    prompts.forEach(({ length }, i) =>
      checkPositions(this.config, length, options.maxCompletionLength, {
        what: `prompt ${i}`,
        fix: 'shorten the prompt or lower maxCompletionLength',
      }),
    );
    const total = prompts.length * numGenerations;
    const ids: number[][] = Array.from({ length: total }, () => []);
    const logps: number[][] = Array.from({ length: total }, () => []);
    const ended: SampledCompletion['ended'][] = new Array<SampledCompletion['ended']>(total).fill('length');
    const texts = new TextCache(this.tokenizer);
    const eos = new Set(this.eosTokenIds);
    let computed = 0;
    await this.engine.sampleStart({
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      firstGeneration: 0,
      ...options,
      eosTokenIds: this.eosTokenIds,
    });
    try {
      let stopped: number[] = [];
      for (let running = total; running > 0;) {
        throwIfAborted(signal);
        const position = await this.engine.sampleNext(Int32Array.from(stopped));
        computed += position.computed;
        stopped = [];
        running = position.completions.length;
        position.completions.forEach((completion, i) => {
          const token = position.tokens[i]!;
          const own = ids[completion]!;
          own.push(token);
          logps[completion]!.push(position.logps[i]!);
          if (eos.has(token)) ended[completion] = 'eos';
          else if (stop) {
            const { text, drawn } = texts.of(own);
            if (stop(text, Math.floor(completion / numGenerations), drawn)) {
              ended[completion] = 'stop';
              if (!position.ended[i]) stopped.push(completion);
            }
          }
          if (position.ended[i]) running--;
        });
        running -= stopped.length;
        onPosition?.(running);
      }
    } finally {
      await this.engine.sampleEnd();
    }
    const completions = ids.map((own, i) => ({
      prompt: Math.floor(i / numGenerations),
      ids: Int32Array.from(own),
      text: texts.of(own).text,
      logps: Float32Array.from(logps[i]!),
      ended: ended[i]!,
    }));
    return { completions, computed };
  }

  /** Log-probs and entropies of the tokens of given completions. Keeps nothing for a backward pass. */
  async score(
    batch: Batch,
    options: { which?: 'policy' | 'reference'; temperature?: number } = {},
  ): Promise<TokenScores> {
    checkBatch(this.config, batch);
    return this.engine.score(batch, options.which ?? 'policy', options.temperature ?? 1);
  }

  /** The same as `score` by the policy, and keeps the activations that `backward` needs. */
  async forward(batch: Batch, temperature: number): Promise<TokenScores> {
    checkBatch(this.config, batch);
    return this.engine.forward(batch, temperature);
  }

  /**
   * Adds to the gradients.
   * @param dLogps `[tokens]` derivative of the loss with respect to the log-probs of the last `forward`
   * @param dEntropies `[tokens]` the same for the entropies; null: 0
   */
  backward(dLogps: Float32Array, dEntropies: Float32Array | null = null): Promise<void> {
    return this.engine.backward(dLogps, dEntropies);
  }

  /** Drops gradients and activations. */
  zeroGrad(): Promise<void> {
    return this.engine.zeroGrad();
  }

  /** Resets AdamW's moments and its count of steps to 0. */
  resetOptimizer(): Promise<void> {
    return this.engine.resetOptimizer();
  }

  /**
   * Clips the gradients, takes a step of AdamW, and drops the gradients.
   * @returns the global norm of the gradients before clipping; where it is not finite, no weight was updated
   */
  optimizerStep(options: OptimizerOptions): Promise<number> {
    return this.engine.optimizerStep(options);
  }

  /** Writes a folder that transformers can load: weights in float32, the other files as they were read. */
  save(folder: string): Promise<void> {
    return this.#saver().then((saver) => saver.save(folder));
  }

  /** Writes AdamW's moments, as `exp_avg.NAME` and `exp_avg_sq.NAME`. */
  saveOptimizer(file: string): Promise<void> {
    return this.#saver().then((saver) => saver.saveOptimizer(file));
  }

  /** Writes the weights of the reference model. */
  saveReference(file: string): Promise<void> {
    return this.#saver().then((saver) => saver.saveReference(file));
  }

  /** Bytes that a snapshot takes. */
  snapshotBytes({ reference = false } = {}): number {
    return 4 * parameterCount(this.config) * (1 + MOMENTS.length + (reference ? 1 : 0));
  }

  /**
   * A copy of the weights, the moments and, with `reference`, the reference model, which can be saved while
   * the model is trained further. It takes memory until it is released.
   */
  async snapshot({ reference = false } = {}): Promise<ModelSnapshot> {
    const parameters = await this.engine.parameters();
    const tensors = tensorsOf(parameters, [
      'weight',
      ...MOMENTS,
      ...(reference ? ['reference' as const] : []),
    ]);
    return new ModelSnapshot(this.#kept(), parameters, tensors, await this.engine.snapshot(tensors));
  }

  /** Replaces the weights by those of a folder that `save` wrote. */
  async loadWeights(folder: string): Promise<void> {
    const tensors = await locateTensors(folder, this.config);
    await this.engine.readTensors(tensors.map((tensor) => ({ ...tensor, kind: 'weight' as const })));
  }

  /** Replaces the weights of the reference model by those that `saveReference` wrote. */
  async loadReference(file: string): Promise<void> {
    const tensors = await readHeader(file);
    await this.engine.readTensors(
      tensors.map((tensor) => ({
        ...tensor,
        name: tensor.name.replace(/^reference\./, ''),
        kind: 'reference' as const,
      })),
    );
  }

  /**
   * Replaces AdamW's moments by those that `saveOptimizer` wrote.
   * @param steps AdamW's count of steps when `file` was written
   */
  async loadOptimizer(file: string, steps: number): Promise<void> {
    const tensors = (await readHeader(file)).map((tensor) => {
      const kind = MOMENTS.find((moment) => tensor.name.startsWith(`${moment}.`));
      if (kind) return { ...tensor, name: tensor.name.slice(kind.length + 1), kind };
      throw new GrpoError('CHECKPOINT_INVALID', `${file} holds ${tensor.name}, which is no moment of AdamW`, {
        fix: 'resume from another checkpoint',
        value: tensor.name,
      });
    });
    await this.engine.readTensors(tensors);
    await this.engine.setOptimizerSteps(steps);
  }

  /** Frees the memory and ends the engine's thread. Idempotent. */
  dispose(): Promise<void> {
    return this.engine.dispose();
  }

  async #saver(): Promise<ModelSaver> {
    return new ModelSaver(this.#kept(), await this.engine.parameters(), (file, header, tensors) =>
      this.engine.writeTensors(file, header, tensors),
    );
  }
}

/** A copy of a model's weights and moments: see `LanguageModel.snapshot`. */
export class ModelSnapshot extends ModelSaver {
  readonly #native: TensorSnapshot;

  constructor(
    files: Map<string, Uint8Array>,
    parameters: NamedTensor[],
    tensors: KindOfTensor[],
    native: TensorSnapshot,
  ) {
    super(files, parameters, (file, header, wanted) => {
      const indices = Int32Array.from(wanted, ({ name, kind }) =>
        tensors.findIndex((one) => one.name === name && one.kind === kind),
      );
      return writeSnapshot(native, file, header, indices);
    });
    this.#native = native;
  }

  /** Frees the memory. Idempotent. */
  release(): void {
    this.#native.release();
  }
}

/** Turns MODEL_LINK into a value: a model with links to elsewhere can be read, but not saved. */
function unlessLink(error: unknown): GrpoError {
  if (error instanceof GrpoError && error.code === 'MODEL_LINK') return error;
  throw error;
}

/** Creates an engine; `fill` gives it weights. */
async function openEngine(
  { maxMemory, ...options }: Omit<EngineOptions, 'matrixBackend'> & { maxMemory: number | null },
  fill: (engine: NativeEngine) => Promise<void>,
): Promise<NativeEngine> {
  const threads = engineThreads(options.threads);
  const engine = createEngine({ ...options, threads, matrixBackend: matrixBackend(threads) });
  try {
    await engine.info(); // Loads libtorch, so that its memory is counted below.
    await engine.limitMemory(roomForTensors(maxMemory));
    await fill(engine);
    await rememberMatrixBackend(threads, await engine.info());
  } catch (error) {
    await engine.dispose();
    throw error;
  }
  return engine;
}

/** Bytes that tensors may take; at least 1, since 0 means no limit. */
const roomForTensors = (maxMemory: number | null): number =>
  Math.max(1, freeWithin(maxMemory) - BESIDE_TENSORS);

/** A cache of decoded texts: completions with the same tokens are decoded once. */
class TextCache {
  readonly #texts = new Map<string, { text: string; drawn: string }>();
  constructor(readonly tokenizer: Tokenizer) {}

  /** The text without special tokens (`text`) and with them (`drawn`). */
  of(ids: number[]): { text: string; drawn: string } {
    const key = ids.join();
    let known = this.#texts.get(key);
    if (!known) {
      const text = this.tokenizer.decode(ids);
      const special = ids.some((id) => this.tokenizer.isSpecial(id));
      const drawn = special ? this.tokenizer.decode(ids, { skipSpecialTokens: false }) : text;
      this.#texts.set(key, (known = { text, drawn }));
    }
    return known;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new GrpoError('ABORTED', 'sampling was aborted', {
      fix: 'start it again when you are ready',
      exitCode: 1,
    });
}
