/** Third stage: the problems to learn from, those held out, and how often the model is right on the latter. */
import { combine } from '../../data/rewards/combine.js';
import { loadDataset, type Dataset } from '../../data/tasks/index.js';
import type { TrainableModel } from '../../model/trainable.js';
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
  const dataset = await loadDataset(curriculum, options);
  for (const notice of dataset.notices) onNotice?.(notice);
  return dataset;
}

/** @param most held-out problems that are asked; all by default */
export type Evaluate = (model: TrainableModel, temperature: number, most?: number) => Promise<Evaluation>;

/** Evaluates a model on the held-out problems. */
export const evaluation =
  (
    options: StageOptions,
    { task, rewards, stop }: Subject,
    dataset: Dataset,
    extras: TrainExtras,
  ): Evaluate =>
  (model, temperature, most) =>
    evaluate(model, {
      task,
      ...combine(rewards, options.rewardWeights ?? null, options.rewardTimeout),
      problems: dataset.heldOut.slice(0, most),
      stop,
      maxCompletionLength: options.maxCompletionLength,
      temperature,
      seed: options.seed,
      signal: extras.signal,
    });
