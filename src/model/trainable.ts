/**
 * The interfaces of a model that sampling, training and evaluation use; tests implement them with a small
 * model.
 */
import type { LanguageModel } from './language-model.js';

/** Weights, moments and reference that can be written: a model, or a snapshot of one. */
export interface Saveable {
  /**
   * Writes a folder that transformers loads: weights in float32, configuration and tokenizer as they were read.
   */
  save(folder: string): Promise<void>;
  /** Writes AdamW's moments to a safetensors file. */
  saveOptimizer(file: string): Promise<void>;
  /** Writes the reference model's weights to a safetensors file. */
  saveReference(file: string): Promise<void>;
}

/** Copies of weights and moments as they were. */
export interface Snapshot extends Saveable {
  /** Frees them. May be called again. */
  release(): void;
}

/** A model that can be copied, so that a checkpoint is written while training goes on. */
export interface Snapshotable extends Saveable {
  /** Copies weights and moments, and the reference model if asked for. `release` frees the copies. */
  snapshot(options: { reference: boolean }): Promise<Snapshot>;
  /** Bytes that a snapshot takes. */
  snapshotBytes(options: { reference: boolean }): number;
}

/** What a model has that several processes train together. */
export interface Shared {
  /** Does work, such as asking a judge, in one of the processes; all get what it gave. */
  once<T>(work: () => Promise<T>): Promise<T>;
}

/** Does work once, however many processes train the model. */
export const once = <T>(model: Partial<Shared>, work: () => Promise<T>): Promise<T> =>
  model.once ? model.once(work) : work();

/**
 * The part of `LanguageModel` that evaluation needs. A program may pass an object of its own; one without a chat
 * template takes no conversations.
 */
export type Sampler = Pick<LanguageModel, 'config' | 'tokenizer' | 'sample'> &
  Partial<Pick<LanguageModel, 'chatTemplate'>> &
  Partial<Shared>;

/** The part of `LanguageModel` that training needs. A program may pass an object of its own, as tests do. */
export type TrainableModel = Sampler &
  Pick<
    LanguageModel,
    | 'folder'
    | 'eosTokenIds'
    | 'info'
    | 'checkSaveable'
    | 'freezeReference'
    | 'mixReference'
    | 'saveReference'
    | 'loadReference'
    | 'score'
    | 'forward'
    | 'backward'
    | 'optimizerStep'
    | 'zeroGrad'
    | 'resetOptimizer'
    | 'save'
    | 'loadWeights'
    | 'saveOptimizer'
    | 'loadOptimizer'
    | 'dispose'
  > &
  Partial<Pick<LanguageModel, 'lora'>> &
  Partial<Shared> &
  Snapshotable;
