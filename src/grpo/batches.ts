/**
 * Which prompts a step learns from, as TRL counts them: `batchSize` completions an optimiser step (TRL's
 * `per_device_train_batch_size` times its `gradient_accumulation_steps`: here accumulating changes the memory
 * a step takes, not what it learns from) are `batchSize / numGenerations` prompts; an epoch goes once through
 * the prompts in an order of its own and drops what doesn't fill a generation.
 *
 * A generation is what is sampled at once: the prompts of `stepsPerGeneration / gradientAccumulationSteps`
 * optimiser steps, which learn from a part each, one after another, `numIterations` times over.
 * Everything follows from the step's number, so a resumed run needs no state.
 */
import { GrpoError } from '../common/errors.js';
import { shuffled } from '../common/random.js';

export interface BatchOptions {
  /** Completions an optimiser step. */
  batchSize: number;
  numGenerations: number;
  /** Equal parts that a batch is forwarded in. */
  gradientAccumulationSteps: number;
  /** Such parts that are sampled at once; null: those of one optimiser step. */
  stepsPerGeneration?: number | null;
  numIterations: number;
  numTrainEpochs: number;
  /** Ends the run after so many steps, whatever `numTrainEpochs`; -1: no such end. */
  maxSteps: number;
  seed: number;
}

/** Positions in the dataset that are gone through until the end of an epoch, which counts from 1. */
export interface Stage {
  /** Infinity: to the end. */
  untilEpoch: number;
  positions: readonly number[];
}

export interface Batches {
  promptsPerStep: number;
  /** Optimiser steps that learn from parts of one generation. */
  partsPerGeneration: number;
  totalSteps: number;
  /** Passes over the training problems that `totalSteps` are. */
  epochs: number;
  /** Positions in the dataset of the prompts that are sampled together for a step, which counts from 0. */
  prompts(step: number): number[];
  /** Which part of its generation a step learns from. */
  part(step: number): number;
  /** Whether the step samples anew, rather than reuse the completions of the one before. */
  samples(step: number): boolean;
  /** Epochs done when the step is. */
  epoch(step: number): number;
  /** Index of the stage that the step belongs to. */
  stage(step: number): number;
}

/** A stage in steps. */
interface Span extends Stage {
  firstEpoch: number;
  firstStep: number;
  stepsPerEpoch: number;
}

/** @throws {GrpoError} BATCH_SIZE, TOO_MANY_PROMPTS, STEPS_PER_GENERATION, DATASET_EMPTY, before any work starts */
export function planBatches(stages: readonly Stage[], options: BatchOptions): Batches {
  const { numIterations, numTrainEpochs, maxSteps, seed } = options;
  const partsPerGeneration = checkStepsPerGeneration(options);
  const stepsPerGeneration = partsPerGeneration * numIterations;
  let promptsPerStep = 0;
  const spans: Span[] = [];
  for (const stage of stages) {
    if (stage.positions.length === 0)
      throw new GrpoError('DATASET_EMPTY', 'the task has no training problem', {
        fix: 'choose another task, or give the one you have problems',
      });
    promptsPerStep = checkBatchSize(stage.positions.length, partsPerGeneration, options);
    const before = spans.at(-1);
    const firstEpoch = before?.untilEpoch ?? 0;
    spans.push({
      ...stage,
      firstEpoch,
      firstStep: before ? before.firstStep + (firstEpoch - before.firstEpoch) * before.stepsPerEpoch : 0,
      stepsPerEpoch:
        Math.floor(stage.positions.length / (promptsPerStep * partsPerGeneration)) * stepsPerGeneration,
    });
  }
  const stageOf = (step: number) => spans.findLastIndex(({ firstStep }) => firstStep <= step);
  /** Where a step is in its stage: its epoch, counting all, and its generation in that. */
  const place = (step: number) => {
    const span = spans[stageOf(step)]!;
    const within = step - span.firstStep;
    return {
      span,
      epoch: span.firstEpoch + Math.floor(within / span.stepsPerEpoch),
      generation: Math.floor((within % span.stepsPerEpoch) / stepsPerGeneration),
      use: (within % span.stepsPerEpoch) % stepsPerGeneration,
    };
  };
  const epoch = (step: number) => {
    const { firstEpoch, firstStep, stepsPerEpoch } = spans[stageOf(step)]!;
    return firstEpoch + (step + 1 - firstStep) / stepsPerEpoch;
  };
  const stepsIn = (epochs: number) => {
    const { firstEpoch, firstStep, stepsPerEpoch } = spans.findLast((span) => span.firstEpoch < epochs)!;
    return Math.ceil(firstStep + (epochs - firstEpoch) * stepsPerEpoch);
  };
  const totalSteps = maxSteps > 0 ? maxSteps : stepsIn(numTrainEpochs);
  let known = { epoch: -1, order: [] as number[] };
  return {
    promptsPerStep,
    partsPerGeneration,
    totalSteps,
    epochs: epoch(totalSteps - 1),
    prompts(step) {
      const { span, epoch, generation } = place(step);
      if (known.epoch !== epoch)
        known = {
          epoch,
          order: permutation(span.positions.length, seed, epoch).map((i) => span.positions[i]!),
        };
      const count = promptsPerStep * partsPerGeneration;
      return known.order.slice(generation * count, (generation + 1) * count);
    },
    part: (step) => place(step).use % partsPerGeneration,
    samples: (step) => place(step).use === 0,
    epoch,
    stage: stageOf,
  };
}

/** Optimiser steps a generation. */
function checkStepsPerGeneration({ stepsPerGeneration, gradientAccumulationSteps }: BatchOptions): number {
  const steps = stepsPerGeneration ?? gradientAccumulationSteps;
  if (steps % gradientAccumulationSteps === 0) return steps / gradientAccumulationSteps;
  throw new GrpoError(
    'STEPS_PER_GENERATION',
    `steps_per_generation ${steps} is not a multiple of gradient_accumulation_steps (${gradientAccumulationSteps})`,
    {
      fix: `use ${Math.ceil(steps / gradientAccumulationSteps) * gradientAccumulationSteps}: a generation is learned from in whole optimiser steps`,
      value: steps,
    },
  );
}

/** Prompts a step. */
function checkBatchSize(datasetSize: number, partsPerGeneration: number, options: BatchOptions): number {
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
  if (prompts * partsPerGeneration > datasetSize) {
    const largest = Math.floor(datasetSize / (gradientAccumulationSteps * partsPerGeneration)) * unit;
    const generation = partsPerGeneration > 1 ? `, ${prompts * partsPerGeneration} a generation` : '';
    throw new GrpoError(
      'TOO_MANY_PROMPTS',
      `batch_size ${batchSize} takes ${prompts} prompts a step${generation}, but there are ${datasetSize} to train on`,
      {
        fix:
          largest > 0
            ? `use a batch_size of at most ${largest}`
            : 'use fewer gradient_accumulation_steps or steps_per_generation, or more problems',
        value: batchSize,
      },
    );
  }
  return prompts;
}

/** All of a dataset, from the first epoch to the last. */
export const oneStage = (size: number): Stage[] => [
  { untilEpoch: Infinity, positions: Array.from({ length: size }, (_, i) => i) },
];

/** Another order of 0 .. count - 1 for each (seed, epoch). */
export function permutation(count: number, seed: number, epoch: number): number[] {
  return shuffled([...Array(count).keys()], `seed ${seed}, epoch ${epoch}`);
}
