/**
 * The interfaces of a model that sampling, training and evaluation use; tests implement them with a small
 * model.
 */
import type { LanguageModel } from './language-model.js';

/** A model, or a snapshot of one, that can be saved. */
export interface Saveable {
  save(folder: string): Promise<void>;
  saveOptimizer(file: string): Promise<void>;
  saveReference(file: string): Promise<void>;
}

export interface Snapshotable extends Saveable {
  snapshot(options: { reference: boolean }): Promise<Saveable & { release(): void }>;
  /** Bytes of memory that a snapshot takes. */
  snapshotBytes(options: { reference: boolean }): number;
}

export type Sampler = Pick<LanguageModel, 'config' | 'tokenizer' | 'sample'>;

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
  Snapshotable;
