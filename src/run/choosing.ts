/**
 * How a run chooses its best weights, and ends before its last step: by the validation problems, so that the
 * held-out ones can tell how good the chosen weights are. The rules are those of transformers' Trainer and
 * EarlyStoppingCallback.
 */
import { GrpoError } from '../common/errors.js';
import { percent } from '../common/format.js';
import type { Evaluation } from './evaluate.js';
import type { TrainOptions } from './train-options.js';

/** What the weights of a run are chosen by, and when the run ends before its last step. */
export interface Choosing {
  /** What is compared, of the validation problems; the greater, the better. */
  metric: 'accuracy' | 'reward';
  /** Whether the run stands for its best weights rather than for its last. */
  loadBest: boolean;
  /** Evaluations without an improvement, after which the run ends; null: it doesn't. */
  patience: number | null;
  /** By how much the metric must be better to be an improvement. */
  threshold: number;
  /** Validation accuracy at which the run ends; null: it doesn't. */
  stopAtAccuracy: number | null;
}

/** What a checkpoint remembers of the choice, by transformers' names. */
export interface ChoiceState {
  /** The metric of the best weights. */
  best_metric?: number | undefined;
  /** Step of the best weights. */
  best_global_step?: number | undefined;
  /** Their folder, in the run folder. */
  best_model_checkpoint?: string | undefined;
  /** Evaluations in a row that were no improvement. */
  early_stopping_patience_counter?: number | undefined;
  /** The last evaluation on validation problems. */
  eval_validation?: Evaluation | undefined;
  /** Evaluations of the best weights. */
  best_validation?: Evaluation | undefined;
  best_held_out?: Evaluation | undefined;
}

/** The best weights of a run so far, by its validation problems. */
export interface Best {
  /** Steps taken when they were best. */
  step: number;
  /** What they were chosen by. */
  metric: 'accuracy' | 'reward';
  /** Evaluation on the validation problems, which chose them. */
  validation: Evaluation;
  /** Evaluation on the held-out problems, which tells how good they are; undefined where none are held out. */
  heldOut: Evaluation | undefined;
  /** Their folder; undefined where nothing was written. */
  model: string | undefined;
  /** Whether the run stands for them (`loadBestModelAtEnd`): `after` in its summary is of them. */
  loaded: boolean;
}

/** Why a run ended before its last step. */
export interface EarlyEnd {
  /** The option that ended it. */
  option: 'early_stopping_patience' | 'stop_at_accuracy';
  /** What was found, as a clause. */
  reason: string;
}

/** The options that make a run choose. */
export type ChoosingOptions = Pick<
  TrainOptions,
  | 'loadBestModelAtEnd'
  | 'metricForBestModel'
  | 'earlyStoppingPatience'
  | 'earlyStoppingThreshold'
  | 'stopAtAccuracy'
>;

/**
 * How a run chooses; undefined where it doesn't, and has no validation problems.
 * @param options those of `sft`, and of older versions, lack these
 */
export function choosingOf({
  loadBestModelAtEnd: loadBest = false,
  metricForBestModel: metric = null,
  earlyStoppingPatience: patience = null,
  earlyStoppingThreshold: threshold = 0,
  stopAtAccuracy = null,
}: Partial<ChoosingOptions>): Choosing | undefined {
  if (!loadBest && metric === null && patience === null && stopAtAccuracy === null) return undefined;
  return {
    metric: metric?.endsWith('reward') ? 'reward' : 'accuracy',
    loadBest,
    patience,
    threshold,
    stopAtAccuracy,
  };
}

/**
 * Checks that there is something to choose by.
 * @throws {GrpoError} BAD_COMBINATION
 */
export function checkChoosing(
  options: ChoosingOptions & Pick<TrainOptions, 'evalSteps' | 'evalSamples'>,
): void {
  const { earlyStoppingPatience: patience, earlyStoppingThreshold: threshold } = options;
  if (threshold > 0 && patience === null)
    refuse('early_stopping_threshold is above 0 and early_stopping_patience is null: nothing reads it', {
      fix: 'set early_stopping_patience, or leave both out',
      value: threshold,
    });
  if (!choosingOf(options)) return;
  const asks =
    patience !== null
      ? 'early_stopping_patience'
      : options.stopAtAccuracy !== null
        ? 'stop_at_accuracy'
        : options.loadBestModelAtEnd
          ? 'load_best_model_at_end'
          : 'metric_for_best_model';
  const without = options.evalSteps === 0 ? 'eval_steps' : options.evalSamples === 0 ? 'eval_samples' : '';
  if (without !== '')
    refuse(`${asks} needs evaluations between the steps, and ${without} is 0`, {
      fix: `set ${without} above 0, or leave ${asks} out`,
      value: 0,
    });
}

/**
 * The best weights are a folder of the run's.
 * @param save false: there is no run folder
 * @throws {GrpoError} BAD_COMBINATION
 */
export function checkPlaceOfBest({ loadBestModelAtEnd }: ChoosingOptions, save = true): void {
  if (loadBestModelAtEnd && !save)
    refuse('load_best_model_at_end needs a run folder, and nothing is saved', {
      fix: 'leave out `save: false`, or load_best_model_at_end',
      value: save,
    });
}

function refuse(message: string, options: { fix: string; value: unknown }): never {
  throw new GrpoError('BAD_COMBINATION', message, options);
}

/** Whether an evaluation on validation problems is the best so far. */
export function isBest({ metric }: Choosing, state: ChoiceState, validation: Evaluation): boolean {
  return state.best_metric === undefined || validation[metric] > state.best_metric;
}

/**
 * Evaluations in a row that were no improvement, the last one included.
 * @param state before that evaluation
 */
export function evaluationsWithout(
  { metric, threshold }: Choosing,
  state: ChoiceState,
  validation: Evaluation,
): number {
  const improved = state.best_metric === undefined || validation[metric] - state.best_metric > threshold;
  return improved ? 0 : (state.early_stopping_patience_counter ?? 0) + 1;
}

/** Why a run is to end with its last evaluation; undefined where it goes on. */
export function earlyEnd(choosing: Choosing, state: ChoiceState): EarlyEnd | undefined {
  const { metric, patience, threshold, stopAtAccuracy } = choosing;
  const { early_stopping_patience_counter: without = 0, eval_validation: last } = state;
  if (stopAtAccuracy !== null && last && last.accuracy >= stopAtAccuracy)
    return {
      option: 'stop_at_accuracy',
      reason: `validation accuracy has reached ${percent(stopAtAccuracy)}`,
    };
  if (patience === null || without < patience) return undefined;
  const better = threshold > 0 ? `better by more than ${threshold}` : 'better';
  return {
    option: 'early_stopping_patience',
    reason: `validation ${metric} was not ${better} in ${without} ${without === 1 ? 'evaluation' : 'evaluations'}`,
  };
}
