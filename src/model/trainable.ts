/** What sampling, training and evaluating ask of a model; tests stand a small one in for it. */
import type { Snapshotable } from '../run/checkpoint-writer.js';
import type { LanguageModel } from './language-model.js';

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
