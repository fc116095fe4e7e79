/**
 * A language model that samples, scores and learns: the engine and its tokenizer in one object.
 * Everything here is about tokens and weights; rewards and losses are elsewhere.
 */
import { join, relative } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { exists } from '../machine/files.js';
import { engineThreads } from '../machine/processor.js';
import { BESIDE_TENSORS, freeWithin } from '../machine/memory.js';
import { createEngine, writeSnapshot } from '../engine/addon.js';
import { openDevice } from '../engine/device.js';
import { matrixShape, remember, remembered } from '../engine/measurements.js';
import type {
  Batch,
  DType,
  EngineInfo,
  EngineOptions,
  ModelConfig,
  NativeEngine,
  OptimizerOptions,
  Parameter,
  SampleRequest,
  TensorLocation,
  TensorSnapshot,
  TokenScores,
} from '../engine/types.js';
import { adapterConfig, checkAdapter, locateAdapter, resolveSource } from './adapter.js';
import {
  CHAT_TEMPLATE_FILE,
  ChatTemplate,
  missingTemplate,
  type ChatTemplateOptions,
} from './chat-template.js';
import { parameterCount, readModelConfig } from './config.js';
import type { DownloadProgress } from '../hub/download.js';
import type { GrowingText } from './growing-text.js';
import { adapterCount, checkLora, engineLora, type Lora } from './lora.js';
import type { Message } from './message.js';
import { checkBatch, checkPositions, promptIds } from './positions.js';
import { locateTensors, readHeader } from './safetensors.js';
import {
  MOMENTS,
  ModelSaver,
  readKeptFiles,
  tensorsOf,
  type KindOfTensor,
  type SavedFiles,
} from './saving.js';
import { readEosTokenIds, Tokenizer } from './tokenizer.js';

/** Which model, and what it computes with. */
export interface LoadOptions extends ChatTemplateOptions {
  /**
   * `tiny` (embedded), a folder in the Hugging Face layout, a run (`runs/NAME`, `runs/NAME/checkpoint-N`), or a
   * hub id such as `Qwen/Qwen2.5-0.5B`, which is downloaded once.
   */
  model: string;
  /** Folder, run or hub id of an adapter for it (LoRA, as PEFT writes it); null (default): none but what `model` is. */
  adapter?: string | null;
  /**
   * Adapters that learn in place of the weights; null (default): all weights learn. Where an adapter is read, that
   * one learns, and these have to be its own options.
   */
  lora?: Lora | null;
  /** What the configuration of saved adapters calls the model; default as `model` says, a folder by its whole path. */
  base?: string;
  /** Decides the first values of adapters that are not read; default 0. */
  loraSeed?: number;
  /** `auto` (default: a GPU that works, else the CPU), `cpu`, `cuda` or `cuda:N`. */
  device?: string;
  /**
   * Number format of matrix products; weights are kept in float32 too. Default `float32`; `auto`: what is faster
   * here, bfloat16 on a GPU.
   */
  dtype?: DType | 'auto';
  /** CPU threads; 0 (default): one for each physical core, within the CPU quota of a container. */
  threads?: number;
  /**
   * GB that the process may take, on a GPU its tensors there; null (default): what is free. Beyond it, calls
   * fail with `OUT_OF_MEMORY`.
   */
  maxMemory?: number | null;
  /** Whether it will be given conversations: a model without a chat template is refused. Default false. */
  chat?: boolean;
  /** Called while a file is downloaded. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Called with what a person should know that is no error. */
  onNotice?: (text: string) => void;
  /** Aborts the download. */
  signal?: AbortSignal;
}

/** A model of random weights. */
export interface InitializeOptions extends Pick<
  LoadOptions,
  'device' | 'dtype' | 'threads' | 'maxMemory' | 'lora'
> {
  /** Its architecture. */
  config: ModelConfig;
  /** Its tokenizer. */
  tokenizer: Tokenizer;
  /** Token ids that end a completion. */
  eosTokenIds: number[];
  /** Seed of the random weights. */
  seed: number;
}

/**
 * A rollout: prompts, completions of each, and how tokens are drawn. Without `topK`, `topP`, `minP` and
 * `repetitionPenalty` every token can be drawn by its probability.
 */
export interface SampleOptions
  extends
    Pick<
      SampleRequest,
      'prompts' | 'promptIndices' | 'numGenerations' | 'maxCompletionLength' | 'seed' | 'step' | 'temperature'
    >,
    Partial<
      Pick<
        SampleRequest,
        | 'samplingMethod'
        | 'samplingCoverage'
        | 'firstGeneration'
        | 'topK'
        | 'topP'
        | 'minP'
        | 'repetitionPenalty'
        | 'keepActivations'
      >
    > {
  /**
   * Temperature of the draws alone; default `temperature`, at which log-probabilities are told in any case.
   */
  samplingTemperature?: number;
  /**
   * Ends a completion after a token, where it returns true. `text` is the completion so far without special
   * tokens, `drawn` with them, `prompt` a position in `prompts`.
   */
  stop?: (text: string, prompt: number, drawn: string) => boolean;
  /**
   * Whether the end of a turn of the chat template ends a completion beside `eosTokenIds`: where prompts are
   * conversations. Default false.
   */
  endOfTurn?: boolean;
  /** Aborts between tokens, with the error `ABORTED`. */
  signal?: AbortSignal;
  /** Called after each token position with the number of completions still running. */
  onPosition?: (running: number) => void;
}

/** A completion that was sampled. */
export interface SampledCompletion {
  /** Position of its prompt in `prompts`. */
  prompt: number;
  /** `[tokens]` ids, the end-of-sequence token included where it was drawn. */
  ids: Int32Array;
  /** Its text without special tokens. */
  text: string;
  /** `[tokens]` log-probability of each, nats, at `temperature`, before top_k, top_p and min_p. */
  logps: Float32Array;
  /** What ended it: an end of sequence or of turn, the rule `stop`, or its greatest length. */
  ended: 'eos' | 'stop' | 'length';
}

/** What a rollout gave. */
export interface Samples {
  /** `[prompts * numGenerations]`: the group of the first prompt, then that of the next. */
  completions: SampledCompletion[];
  /** Distinct tokens forwarded, those of prompts included. */
  computed: number;
}

/**
 * A language model that samples, scores and learns: the native engine and its tokenizer in one object. Calls
 * run one after another on a thread of their own.
 *
 * Besides the codes that each method names, all of them reject with `OUT_OF_MEMORY` (the weights are as they
 * were), `BAD_ARGUMENT` (wrong shapes, ids or numbers) and, after `dispose`, `ENGINE_DISPOSED`.
 *
 * @example
 * ```ts
 * import { LanguageModel } from 'grpo-native';
 *
 * const model = await LanguageModel.load({ model: 'tiny' });
 * const { completions } = await model.sample({
 *   prompts: [model.tokenizer.encodePrompt('Calculate: 15 + 8 = ')],
 *   promptIndices: [0],
 *   numGenerations: 4,
 *   maxCompletionLength: 8,
 *   temperature: 0.7,
 *   seed: 42,
 *   step: 1,
 * });
 * console.log(completions.map(({ text }) => text));
 * await model.dispose();
 * ```
 *
 * `examples/grpo.ts` of the package is all of GRPO over these methods.
 */
export class LanguageModel {
  /** The files of a saved model beside its weights, or the error why they can't be saved. */
  readonly #files: Map<string, Uint8Array> | GrpoError;

  private constructor(
    /** Folder that the weights were read from; empty where there was none. */
    readonly folder: string,
    /** Architecture. */
    readonly config: ModelConfig,
    /** Text to ids and back. */
    readonly tokenizer: Tokenizer,
    /** Token ids that end a completion. */
    readonly eosTokenIds: number[],
    /** The native engine, for what has no method here. */
    readonly engine: NativeEngine,
    /** Conversations to ids; undefined where the model has no chat template. */
    readonly chatTemplate: ChatTemplate | undefined,
    /** The adapters that learn, or that were read; undefined: all weights learn. */
    readonly lora: Lora | undefined,
    /** What the model that adapters are for is called in what `save` writes. */
    readonly base: string,
    files: Map<string, Uint8Array> | GrpoError = new Map<string, Uint8Array>(),
  ) {
    this.#files = files;
  }

  /**
   * Reads a model, after downloading it where it is a hub id that isn't in the cache.
   *
   * @throws {GrpoError} before any weight is read: MODEL_NOT_FOUND, MODEL_NOT_A_FOLDER, MODEL_CONFIG_MISSING,
   * MODEL_CONFIG_INVALID, MODEL_CONFIG_UNSUPPORTED, MODEL_TENSORS_MISMATCH, SAFETENSORS_MISSING,
   * SAFETENSORS_INVALID, SAFETENSORS_DTYPE, TOKENIZER_MISSING, TOKENIZER_INVALID, TOKENIZER_VOCABULARY,
   * GIT_LFS_POINTER, ADAPTER_INVALID, ADAPTER_UNSUPPORTED, ADAPTER_BASE, ADAPTER_OPTIONS and BAD_OPTION (`lora`),
   * CHAT_TEMPLATE_MISSING and CHAT_TEMPLATE_FAILED (`chat`, `chatTemplatePath`),
   * HUB_NOT_FOUND and other HUB codes, ADDON_MISSING, ADDON_BROKEN; then DEVICE_UNKNOWN,
   * DEVICE_MISSING, OUT_OF_MEMORY, LIBTORCH_VERSION (`maxMemory` on a GPU)
   */
  static async load(options: LoadOptions): Promise<LanguageModel> {
    const {
      device = 'auto',
      dtype = 'float32',
      threads = 0,
      maxMemory = null,
      chat = false,
      onProgress,
      onNotice,
      signal,
    } = options;
    const download = {
      ...(onProgress && { onProgress }),
      ...(onNotice && { onNotice }),
      ...(signal && { signal }),
    };
    const { folder, adapter, ...source } = await resolveSource(options.model, download, options.adapter);
    if (adapter && options.lora) checkAdapter(adapter, options.lora);
    const lora = adapter?.lora ?? options.lora ?? undefined;
    if (lora) checkLora(lora);
    const config = await readModelConfig(folder);
    const [tensors, adapterTensors, tokenizer, files] = await Promise.all([
      locateTensors(folder, config),
      adapter ? locateAdapter(adapter, config) : [],
      Tokenizer.load(folder, config.vocabSize, options.onNotice),
      readKeptFiles(folder).catch(unlessLink),
    ]);
    // An adapter is trained to the template that is saved with it.
    const templateFolder =
      adapter && (await exists(join(adapter.folder, 'tokenizer.json'))) ? adapter.folder : folder;
    const chatTemplate = await ChatTemplate.load(templateFolder, tokenizer, options);
    if (chat && !chatTemplate) throw missingTemplate(folder);
    if (chat) chatTemplate?.check();
    // A template that is not among these files is saved with the model, which is trained to it.
    if (chatTemplate && files instanceof Map && !files.has(relative(folder, chatTemplate.file)))
      files.set(CHAT_TEMPLATE_FILE, Buffer.from(chatTemplate.source));
    const engine = await openEngine(
      { device, dtype, threads, maxMemory, matrixShape: matrixShape(config) },
      async (empty) => {
        await empty.load(config, tensors, lora ? engineLora(lora, options.loraSeed ?? 0) : null);
        if (adapter) await empty.readTensors(asWeights(adapterTensors));
      },
      onNotice,
    );
    // Ids without an embedding are left out: they are never drawn.
    const eosTokenIds = (await readEosTokenIds(folder, tokenizer)).filter((id) => id < config.vocabSize);
    return new LanguageModel(
      folder,
      config,
      tokenizer,
      eosTokenIds,
      engine,
      chatTemplate,
      lora,
      options.base ?? source.base,
      files,
    );
  }

  /**
   * A model of random weights, which needs no files: for benchmarks and tests. It has no folder to save
   * configuration and tokenizer from.
   *
   * @throws {GrpoError} ADDON_MISSING, ADDON_BROKEN, DEVICE_UNKNOWN, DEVICE_MISSING, OUT_OF_MEMORY,
   * LIBTORCH_VERSION (`maxMemory` on a GPU)
   */
  static async initialize(options: InitializeOptions): Promise<LanguageModel> {
    const { config, tokenizer, eosTokenIds, seed, lora } = options;
    if (lora) checkLora(lora);
    const { device = 'auto', dtype = 'float32', threads = 0, maxMemory = null } = options;
    const engine = await openEngine(
      { device, dtype, threads, maxMemory, matrixShape: matrixShape(config) },
      (empty) => empty.initialize(config, seed, lora ? engineLora(lora, seed) : null),
    );
    return new LanguageModel('', config, tokenizer, eosTokenIds, engine, undefined, lora ?? undefined, '');
  }

  /**
   * Token ids of a prompt, for `sample`: of a text that the model goes on from, or of a conversation by the chat
   * template, with the beginning of the assistant's answer.
   *
   * @throws {GrpoError} CHAT_TEMPLATE_MISSING, CHAT_TEMPLATE_FAILED, TOKENIZER_TEXT, TOKENIZER_VOCABULARY
   *
   * @example
   * ```ts
   * const prompts = [model.promptIds([{ role: 'user', content: '15 + 8?' }])];
   * const { completions } = await model.sample({ prompts, endOfTurn: true, ...options });
   * ```
   */
  promptIds(prompt: string | Message[]): Int32Array {
    return promptIds(this, typeof prompt === 'string' ? { prompt } : { prompt: '', messages: prompt });
  }

  /** Version, device, number format and speed of what computes. */
  info(): Promise<EngineInfo> {
    return this.engine.info();
  }

  /**
   * Whether `save` and `snapshot` can work: they refuse a folder whose files are links to elsewhere.
   *
   * @throws {GrpoError} MODEL_LINK
   */
  checkSaveable(): void {
    this.#kept();
  }

  /** What `save` writes beside the weights. */
  #saved(): SavedFiles {
    const files = this.#kept();
    return { files, adapter: this.lora && adapterConfig(this.lora, this.base) };
  }

  #kept(): Map<string, Uint8Array> {
    if (this.#files instanceof GrpoError) throw this.#files;
    return this.#files;
  }

  /**
   * Copies the weights as they are now into the reference model, which `score(batch, { which: 'reference' })`
   * uses. Of a model with adapters it is the model without them, which takes no memory.
   */
  freezeReference(): Promise<void> {
    return this.engine.freezeReference();
  }

  /**
   * Moves the reference model toward the policy: alpha times the policy's weights plus 1 - alpha times its own
   * (TR-DPO, Gorbatovski et al. 2024, arXiv:2404.09656).
   *
   * @param alpha from 0 to 1
   */
  mixReference(alpha: number): Promise<void> {
    return this.engine.mixReference(alpha);
  }

  /**
   * Samples `numGenerations` completions of each prompt. Equal options give equal completions. Where
   * `samplingMethod` gives distinct ones, they come in the order of their scores, the best first.
   *
   * @throws {GrpoError} PROMPT_TOO_LONG, ABORTED
   */
  async sample(options: SampleOptions): Promise<Samples> {
    const { prompts, numGenerations, stop, endOfTurn = false, signal, onPosition } = options;
    prompts.forEach(({ length }, i) =>
      checkPositions(this.config, length, options.maxCompletionLength, {
        what: `prompt ${i}`,
        fix: 'shorten the prompt or lower maxCompletionLength',
      }),
    );
    const total = prompts.length * numGenerations;
    const nothing: SampledPath = { drawn: undefined, said: Said.nothing(this.tokenizer), ended: 'length' };
    const paths = new Array<SampledPath>(total).fill(nothing);
    const ends = endOfTurn ? this.chatTemplate?.endOfTurnId : undefined;
    const eos = new Set(ends === undefined ? this.eosTokenIds : [...this.eosTokenIds, ends]);
    let computed = 0;
    await this.engine.sampleStart({
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      firstGeneration: 0,
      ...options,
      temperature: options.samplingTemperature ?? options.temperature,
      policyTemperature: options.temperature,
      eosTokenIds: [...eos],
    });
    try {
      let stopped: number[] = [];
      for (let running = total; running > 0;) {
        throwIfAborted(signal);
        const position = await this.engine.sampleNext(Int32Array.from(stopped));
        computed += position.computed;
        stopped = [];
        running = position.completions.length;
        const before = paths.slice();
        const said = stop && new NextTexts();
        position.completions.forEach((completion, i) => {
          const token = position.tokens[i]!;
          const path = continued(before[position.from[i]!]!, token, position.logps[i]!, said);
          paths[completion] = path;
          if (position.ended[i]) running--;
          if (token < 0) return;
          if (eos.has(token)) path.ended = 'eos';
          else if (stop) {
            const { text, drawn } = path.said;
            if (stop(text, Math.floor(completion / numGenerations), drawn)) {
              path.ended = 'stop';
              if (!position.ended[i]) stopped.push(completion);
            }
          }
        });
        running -= stopped.length;
        onPosition?.(running);
      }
    } finally {
      await this.engine.sampleEnd();
    }
    const completions = paths.map(({ drawn, ended }, i) => {
      const tokens = inOrder(drawn);
      const ids = Int32Array.from(tokens, ({ id }) => id);
      return {
        ended,
        prompt: Math.floor(i / numGenerations),
        ids,
        text: this.tokenizer.decode(ids),
        logps: Float32Array.from(tokens, ({ logp }) => logp),
      };
    });
    return { completions, computed };
  }

  /**
   * Log-probabilities and entropies of given completions, without keeping anything for `backward`.
   *
   * @param options `which` model (default `policy`), the temperature that logits are divided by (default 1),
   *   and whether to give the KLs to the reference model (default false)
   * @throws {GrpoError} PROMPT_TOO_LONG, REFERENCE_MISSING
   */
  async score(
    batch: Batch,
    options: { which?: 'policy' | 'reference'; temperature?: number; kl?: boolean } = {},
  ): Promise<TokenScores> {
    checkBatch(this.config, batch);
    return this.engine.score(batch, options.which ?? 'policy', options.temperature ?? 1, options.kl ?? false);
  }

  /**
   * As `score` with the policy, keeping what `backward` needs until then or the next `forward`.
   *
   * @param temperature that logits are divided by
   * @param options whether to give the KLs to the reference model (default false)
   * @throws {GrpoError} PROMPT_TOO_LONG, REFERENCE_MISSING
   */
  async forward(
    batch: Batch,
    temperature: number,
    { kl = false }: { kl?: boolean } = {},
  ): Promise<TokenScores> {
    checkBatch(this.config, batch);
    return this.engine.forward(batch, temperature, kl);
  }

  /**
   * Back-propagates through the last `forward` and adds to the gradients of the weights.
   *
   * @param dLogps `[tokens]` dL/dlogps
   * @param dEntropies `[tokens]` dL/dentropies; null: the loss does not depend on them
   * @param dKls `[tokens]` dL/dkls, where `forward` gave them; null: the loss does not depend on them
   */
  backward(
    dLogps: Float32Array,
    dEntropies: Float32Array | null = null,
    dKls: Float32Array | null = null,
  ): Promise<void> {
    return this.engine.backward(dLogps, dEntropies, dKls);
  }

  /**
   * Adds up the gradients of all processes that train together, in each of them.
   *
   * @param seconds how long to wait for the others
   * @throws {GrpoError} RANKS_FAILED
   */
  sumGradients(seconds: number): Promise<void> {
    return this.engine.sumGradients(seconds);
  }

  /** Zeroes the gradients and drops what `forward` kept. */
  zeroGrad(): Promise<void> {
    return this.engine.zeroGrad();
  }

  /** Zeroes AdamW's moments and its count of steps. */
  resetOptimizer(): Promise<void> {
    return this.engine.resetOptimizer();
  }

  /**
   * Clips the gradients by their global norm, takes one AdamW step and zeroes them.
   *
   * @returns the norm before clipping; where it is not finite, nothing was updated
   */
  optimizerStep(options: OptimizerOptions): Promise<number> {
    return this.engine.optimizerStep(options);
  }

  /**
   * Writes a folder that transformers loads: weights in float32, configuration and tokenizer as they were read. Of a
   * model with adapters it is the adapter alone, as PEFT has it, with the tokenizer.
   *
   * @throws {GrpoError} MODEL_LINK, DISK_FULL, WRITE_FAILED, FILE_WRITE
   */
  save(folder: string): Promise<void> {
    return this.#saver().then((saver) => saver.save(folder));
  }

  /**
   * Writes a folder as `save` does of a model without adapters: what they add is in its weights (W + scale B A). Load
   * the model with dtype float32 for it: with bfloat16 the frozen weights are rounded to it.
   *
   * @throws {GrpoError} MODEL_LINK, DISK_FULL, WRITE_FAILED, FILE_WRITE
   */
  saveMerged(folder: string): Promise<void> {
    return this.#saver().then((saver) => saver.saveMerged(folder));
  }

  /**
   * Writes AdamW's moments to a safetensors file, as `exp_avg.NAME` and `exp_avg_sq.NAME`.
   *
   * @throws {GrpoError} MODEL_LINK, DISK_FULL, WRITE_FAILED, FILE_WRITE
   */
  saveOptimizer(file: string): Promise<void> {
    return this.#saver().then((saver) => saver.saveOptimizer(file));
  }

  /**
   * Writes the reference model's weights to a safetensors file, as `reference.NAME`.
   *
   * @throws {GrpoError} BAD_ARGUMENT of a model with adapters, whose reference is the model without them; MODEL_LINK, DISK_FULL, WRITE_FAILED, FILE_WRITE
   */
  saveReference(file: string): Promise<void> {
    return this.#saver().then((saver) => saver.saveReference(file));
  }

  /** Bytes that `snapshot` takes. */
  snapshotBytes({ reference = false } = {}): number {
    const learning = this.lora ? adapterCount(this.config, this.lora) : parameterCount(this.config);
    return 4 * learning * (1 + MOMENTS.length + (reference ? 1 : 0));
  }

  /**
   * Copies weights, AdamW's moments and, if asked for, the reference model, so that they can be written while
   * training goes on. The copies take memory until they are released.
   *
   * @throws {GrpoError} BAD_ARGUMENT for the reference of a model with adapters; MODEL_LINK, OUT_OF_MEMORY
   */
  async snapshot({ reference = false } = {}): Promise<ModelSnapshot> {
    const parameters = await this.engine.parameters();
    const learning = parameters.filter(({ trainable }) => trainable);
    const tensors = tensorsOf(learning, ['weight', ...MOMENTS, ...(reference ? ['reference' as const] : [])]);
    return new ModelSnapshot(this.#saved(), parameters, tensors, await this.engine.snapshot(tensors));
  }

  /**
   * Replaces the weights that learn by those of a folder that `save` wrote.
   *
   * @throws {GrpoError} SAFETENSORS_MISSING, SAFETENSORS_INVALID, MODEL_TENSORS_MISMATCH, ADAPTER_INVALID,
   * ADAPTER_UNSUPPORTED
   */
  async loadWeights(folder: string): Promise<void> {
    const tensors = this.lora
      ? await locateAdapter({ folder, lora: this.lora }, this.config)
      : await locateTensors(folder, this.config);
    await this.engine.readTensors(asWeights(tensors));
  }

  /**
   * Replaces the reference model's weights by those of a file that `saveReference` wrote.
   *
   * @throws {GrpoError} BAD_ARGUMENT of a model with adapters; SAFETENSORS_MISSING, SAFETENSORS_INVALID, TENSOR_MISMATCH
   */
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
   * Replaces AdamW's moments by those of a file that `saveOptimizer` wrote.
   *
   * @param steps AdamW steps taken when it was written
   * @throws {GrpoError} CHECKPOINT_INVALID, SAFETENSORS_MISSING, SAFETENSORS_INVALID, TENSOR_MISMATCH
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

  /** Frees the memory and ends the engine's thread. May be called again. */
  dispose(): Promise<void> {
    return this.engine.dispose();
  }

  async #saver(): Promise<ModelSaver> {
    return new ModelSaver(this.#saved(), await this.engine.parameters(), (file, header, tensors) =>
      this.engine.writeTensors(file, header, tensors),
    );
  }
}

/**
 * Weights and moments as they were, to be written while the model goes on.
 *
 * @example
 * ```ts
 * const snapshot = await model.snapshot();
 * await Promise.all([snapshot.save('copy'), model.forward(batch, 1)]);
 * snapshot.release();
 * ```
 */
export class ModelSnapshot {
  readonly #saver: ModelSaver;
  readonly #native: TensorSnapshot;

  /** @internal Made by `LanguageModel.snapshot`. */
  constructor(files: SavedFiles, parameters: Parameter[], tensors: KindOfTensor[], native: TensorSnapshot) {
    this.#native = native;
    this.#saver = new ModelSaver(files, parameters, (file, header, wanted) => {
      const indices = Int32Array.from(wanted, ({ name, kind }) =>
        tensors.findIndex((one) => one.name === name && one.kind === kind),
      );
      return writeSnapshot(native, file, header, indices);
    });
  }

  /**
   * As `LanguageModel.save`.
   *
   * @throws {GrpoError} DISK_FULL, WRITE_FAILED, FILE_WRITE
   */
  save(folder: string): Promise<void> {
    return this.#saver.save(folder);
  }

  /**
   * As `LanguageModel.saveOptimizer`.
   *
   * @throws {GrpoError} DISK_FULL, WRITE_FAILED, FILE_WRITE
   */
  saveOptimizer(file: string): Promise<void> {
    return this.#saver.saveOptimizer(file);
  }

  /**
   * As `LanguageModel.saveReference`, where the snapshot was asked for the reference model.
   *
   * @throws {GrpoError} DISK_FULL, WRITE_FAILED, FILE_WRITE
   */
  saveReference(file: string): Promise<void> {
    return this.#saver.saveReference(file);
  }

  /** Frees the copies. May be called again. */
  release(): void {
    this.#native.release();
  }
}

/** A completion as far as it was sampled. */
interface SampledPath extends Pick<SampledCompletion, 'ended'> {
  /** Its last token; paths share those before. */
  drawn: DrawnToken | undefined;
  /** Its text; not kept where no stop rule reads it. */
  said: Said;
}

/** A token, and those before it. */
interface DrawnToken {
  before: DrawnToken | undefined;
  id: number;
  logp: number;
}

/** The path with one more token; a copy of it where `token` is negative. */
const continued = (path: SampledPath, token: number, logp: number, texts?: NextTexts): SampledPath =>
  token < 0
    ? { ...path }
    : {
        ...path,
        drawn: { before: path.drawn, id: token, logp },
        said: texts ? texts.after(path.said, token) : path.said,
      };

/** The tokens of a path, the first one first. */
function inOrder(last: DrawnToken | undefined): DrawnToken[] {
  const tokens: DrawnToken[] = [];
  for (let token = last; token; token = token.before) tokens.push(token);
  return tokens.reverse();
}

const asWeights = (tensors: readonly TensorLocation[]) =>
  tensors.map((tensor) => ({ ...tensor, kind: 'weight' as const }));

/** Turns MODEL_LINK into a value: a model with links to elsewhere can be read, but not saved. */
function unlessLink(error: unknown): GrpoError {
  if (error instanceof GrpoError && error.code === 'MODEL_LINK') return error;
  throw error;
}

/** Creates an engine; `fill` gives it weights. */
async function openEngine(
  {
    maxMemory,
    ...options
  }: Omit<Required<EngineOptions>, 'matrixBackend' | 'bfloat16'> & { maxMemory: number | null },
  fill: (engine: NativeEngine) => Promise<void>,
  onNotice?: (message: string) => void,
): Promise<NativeEngine> {
  const threads = engineThreads(options.threads);
  const device = options.device === 'auto' ? (await openDevice('auto', onNotice)).device : options.device;
  const engine = createEngine({ ...options, ...remembered(threads, options.matrixShape), device, threads });
  try {
    await engine.info(); // Loads libtorch, so that its memory is counted below.
    await engine.limitMemory(device === 'cpu' ? roomForTensors(maxMemory) : (maxMemory ?? 0) * 1e9);
    await fill(engine);
    await remember(threads, options.matrixShape, await engine.info());
  } catch (error) {
    await engine.dispose();
    throw error;
  }
  return engine;
}

/** Bytes that tensors may take on the CPU; at least 1, since 0 means no limit. */
const roomForTensors = (maxMemory: number | null): number =>
  Math.max(1, freeWithin(maxMemory) - BESIDE_TENSORS);

/** The text of a completion so far: without special tokens (`text`), and with them (`drawn`). */
class Said {
  private constructor(
    readonly tokenizer: Tokenizer,
    readonly plain: GrowingText,
    readonly whole: GrowingText,
  ) {}

  static nothing(tokenizer: Tokenizer): Said {
    const nothing = tokenizer.growingText();
    return new Said(tokenizer, nothing, nothing);
  }

  get text(): string {
    return this.plain.text;
  }

  get drawn(): string {
    return this.whole.text;
  }

  with(id: number): Said {
    const plain = this.tokenizer.isSpecial(id) ? this.plain : this.plain.with(id);
    const same = this.whole === this.plain && plain !== this.plain;
    return new Said(this.tokenizer, plain, same ? plain : this.whole.with(id));
  }
}

/** The texts at one position: completions with the same tokens are decoded once. */
class NextTexts {
  readonly #texts = new Map<Said, Map<number, Said>>();

  after(said: Said, id: number): Said {
    const known = this.#texts.get(said) ?? new Map<number, Said>();
    this.#texts.set(said, known);
    const next = known.get(id) ?? said.with(id);
    known.set(id, next);
    return next;
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new GrpoError('ABORTED', 'sampling was aborted', {
      fix: 'start it again when you are ready',
      exitCode: 1,
    });
}
