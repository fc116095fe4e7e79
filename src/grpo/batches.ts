/**
 * Which prompts a step learns from, as TRL counts them: `batchSize` completions an optimiser
 * step (TRL's `per_device_train_batch_size` times its `gradient_accumulation_steps`: here
 * accumulating changes the memory a step takes, not what it learns from) are
 * `batchSize / numGenerations` prompts; an epoch goes once through the prompts in an
 * order of its own and drops what doesn't fill a batch; a batch is used for `numIterations`
 * steps. Everything follows from the step's number, so a resumed run needs no state.
 */
import { GrpoError } from '../errors.js';
import { shuffled } from '../random.js';

export interface BatchOptions {
  /** Completions an optimiser step. */
  batchSize: number;
  numGenerations: number;
  /** Equal parts that a batch is forwarded in. */
  gradientAccumulationSteps: number;
  numIterations: number;
  numTrainEpochs: number;
  /** Ends the run after so many steps, whatever `numTrainEpochs`; -1: no such end. */
  maxSteps: number;
  seed: number;
}

export interface Batches {
  promptsPerStep: number;
  stepsPerEpoch: number;
  totalSteps: number;
  /** Positions in the dataset of the prompts of a step, which counts from 0. */
  prompts(step: number): number[];
  /** Whether the step samples anew, rather than reuse the completions of the one before. */
  samples(step: number): boolean;
  /** Epochs done when the step is. */
  epoch(step: number): number;
}

/** @throws {GrpoError} BATCH_SIZE, TOO_MANY_PROMPTS, DATASET_EMPTY, before any work starts */
export function planBatches(datasetSize: number, options: BatchOptions): Batches {
  const { numIterations, numTrainEpochs, maxSteps, seed } = options;
  if (datasetSize === 0) {
    throw new GrpoError('DATASET_EMPTY', 'the task has no training problem', {
      fix: 'choose another task, or give the one you have problems',
    });
  }
  const promptsPerStep = checkBatchSize(datasetSize, options);
  const batchesPerEpoch = Math.floor(datasetSize / promptsPerStep);
  const stepsPerEpoch = batchesPerEpoch * numIterations;
  const batchOf = (step: number): number => Math.floor(step / numIterations);
  let shuffled = { epoch: -1, order: [] as number[] };
  return {
    promptsPerStep,
    stepsPerEpoch,
    totalSteps: maxSteps > 0 ? maxSteps : Math.ceil(numTrainEpochs * stepsPerEpoch),
    prompts(step) {
      const epoch = Math.floor(batchOf(step) / batchesPerEpoch);
      if (shuffled.epoch !== epoch) shuffled = { epoch, order: permutation(datasetSize, seed, epoch) };
      const from = (batchOf(step) % batchesPerEpoch) * promptsPerStep;
      return shuffled.order.slice(from, from + promptsPerStep);
    },
    samples: (step) => step % numIterations === 0,
    epoch: (step) => (step + 1) / stepsPerEpoch,
  };
}

/** Prompts a step. */
function checkBatchSize(datasetSize: number, options: BatchOptions): number {
  const { batchSize, numGenerations, gradientAccumulationSteps } = options;
  // Every accumulated part holds whole groups.
  const unit = numGenerations * gradientAccumulationSteps;
  if (batchSize % unit !== 0 || batchSize < unit) {
    const below = Math.floor(batchSize / unit) * unit;
    const near = below > 0 ? `${below} or ${below + unit}` : `${unit}`;
    const times =
      gradientAccumulationSteps > 1
        ? ` times gradient_accumulation_steps (${gradientAccumulationSteps})`
        : '';
    throw new GrpoError(
      'BATCH_SIZE',
      `batch_size ${batchSize} is not a multiple of num_generations (${numGenerations})${times}`,
      { fix: `use a batch_size of ${near}, or another num_generations`, value: batchSize },
    );
  }
  const prompts = batchSize / numGenerations;
  if (prompts > datasetSize) {
    const largest = Math.floor(datasetSize / gradientAccumulationSteps) * unit;
    throw new GrpoError(
      'TOO_MANY_PROMPTS',
      `batch_size ${batchSize} takes ${prompts} prompts a step, but there are ${datasetSize} to train on`,
      {
        fix:
          largest > 0
            ? `use a batch_size of at most ${largest}`
            : 'use fewer gradient_accumulation_steps, or more problems',
        value: batchSize,
      },
    );
  }
  return prompts;
}

/** Another order of 0 .. count - 1 for each (seed, epoch). */
export function permutation(count: number, seed: number, epoch: number): number[] {
  return shuffled([...Array(count).keys()], `seed ${seed}, epoch ${epoch}`);
}
