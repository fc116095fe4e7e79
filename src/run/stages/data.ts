/** Third stage: the problems to learn from, those to choose and to tell by, and how often the model is right on these. */
import { loadDataset, type Dataset } from '../../data/tasks/index.js';
import type { Problem } from '../../data/tasks/task.js';
import type { TrainableModel } from '../../model/trainable.js';
import { choosingOf } from '../choosing.js';
import { evaluate, type Evaluation } from '../evaluate.js';
import type { TrainExtras } from '../extras.js';
import type { StageOptions } from './options.js';
import type { Subject } from './task.js';

/** @throws {GrpoError} DATASET_EMPTY, BAD_TASK, TRAIN_SAMPLES, UNIQUE_SAMPLES */
export async function dataStage(
  options: StageOptions,
  { curriculum }: Subject,
  { onNotice }: TrainExtras,
): Promise<Dataset> {
  const dataset = await loadDataset(curriculum, {
    ...options,
    validation: choosingOf(options) !== undefined,
  });
  for (const notice of dataset.notices) onNotice?.(notice);
  return dataset;
}

/** @param most problems that are asked; all by default */
export type Evaluate = (model: TrainableModel, temperature: number, most?: number) => Promise<Evaluation>;

/** Evaluates a model on some of the problems that are not trained on. */
export const evaluation =
  (
    options: StageOptions,
    { task, rewards, stop }: Subject,
    problems: Problem[],
    extras: TrainExtras,
  ): Evaluate =>
  (model, temperature, most) =>
    evaluate(model, {
      task,
      reward: rewards,
      rewardWeights: options.rewardWeights ?? null,
      rewardTimeout: options.rewardTimeout,
      problems: problems.slice(0, most),
      stop,
      maxCompletionLength: options.maxCompletionLength,
      temperature,
      seed: options.seed,
      signal: extras.signal,
    });
