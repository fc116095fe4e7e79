/**
 * Which prompts each optimiser step learns from, counted as TRL counts them.
 *
 * `batchSize` is the number of completions of an optimiser step: TRL's `per_device_train_batch_size` times its
 * `gradient_accumulation_steps`. Accumulating gradients over micro-batches changes the memory that a step
 * takes, not what it learns from. A step has `batchSize / numGenerations` prompts. An epoch goes through the
 * prompts once, in an order of its own, and drops the rest that does not fill a generation.
 *
 * A generation is what is sampled at once: the prompts of `stepsPerGeneration / gradientAccumulationSteps`
 * optimiser steps. Each of these steps learns from its own part of the generation, and all of them are repeated
 * `numIterations` times. Everything follows from the number of the step, so a resumed run needs no state.
 */
import { GrpoError } from '../common/errors.js';
import { shuffled } from '../common/random.js';

/** Options of a run that decide which prompts a step learns from. */
export interface BatchOptions {
  /** Completions of an optimiser step; a multiple of `numGenerations * gradientAccumulationSteps`. */
  batchSize: number;
  /** Completions of a prompt (the group size G). */
  numGenerations: number;
  /** Micro-batches of an optimiser step. */
  gradientAccumulationSteps: number;
  /**
   * Micro-batches whose completions are sampled at once, a multiple of `gradientAccumulationSteps`; null
   * (default): those of one optimiser step.
   */
  stepsPerGeneration?: number | null;
  /** Times that each completion is learned from. */
  numIterations: number;
  /** Passes over the training problems. */
  numTrainEpochs: number;
  /** Optimiser steps in place of `numTrainEpochs`; -1: as `numTrainEpochs` says. */
  maxSteps: number;
  /** Decides the order of prompts in each epoch. */
  seed: number;
}

/** Training problems that are gone through until the end of an epoch. */
export interface Stage {
  /** Last epoch of the stage, counted from 1; Infinity: to the end of the run. */
  untilEpoch: number;
  /** Positions among the training problems; one that is there twice is met twice an epoch. */
  positions: readonly number[];
}

/** Which prompts each step learns from. Steps count from 0. All of it follows from the step's number. */
export interface Batches {
  /** Prompts of an optimiser step. */
  promptsPerStep: number;
  /** Optimiser steps that share a rollout, each learning from a part of it. */
  partsPerGeneration: number;
  /** Optimiser steps of the run. */
  totalSteps: number;
  /** Passes over the training problems in `totalSteps`. */
  epochs: number;
  /**
   * `[promptsPerStep * partsPerGeneration]` positions in the dataset of the prompts that are sampled together
   * for a step.
   */
  prompts(step: number): number[];
  /** Positions of the problems of the step's stage; one that is there twice counts twice. */
  candidates(step: number): readonly number[];
  /** Which part of its rollout a step learns from, from 0. */
  part(step: number): number;
  /** Whether the step samples; otherwise it learns from the rollout of the step before. */
  samples(step: number): boolean;
  /** Epochs done when the step is, with their fraction. */
  epoch(step: number): number;
  /** Index of the stage that the step belongs to. */
  stage(step: number): number;
}

/** A stage, with where it begins and how many optimiser steps an epoch of it has. */
interface Span extends Stage {
  firstEpoch: number;
  firstStep: number;
  stepsPerEpoch: number;
}

/**
 * Which prompts each optimiser step learns from, as TRL counts them. An epoch goes once through the prompts, in
 * an order of its own, and drops those that don't fill a rollout.
 *
 * @throws {GrpoError} BATCH_SIZE, TOO_MANY_PROMPTS, STEPS_PER_GENERATION, DATASET_EMPTY
 *
 * @example
 * ```ts
 * const options = trainOptions({ model: 'tiny', maxSteps: 10 });
 * const { train, stages } = await loadDataset(await loadTask('arithmetic'), options);
 * const batches = planBatches(stages, options);
 * const prompts = batches.prompts(0).map((index) => train[index]!.prompt);
 * ```
 */
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
  /** Where a step is: its stage, its epoch of the run, and its generation within that epoch. */
  const place = (step: number) => {
    const span = spans[stageOf(step)]!;
    const stepOfStage = step - span.firstStep;
    const stepOfEpoch = stepOfStage % span.stepsPerEpoch;
    return {
      span,
      epoch: span.firstEpoch + Math.floor(stepOfStage / span.stepsPerEpoch),
      generation: Math.floor(stepOfEpoch / stepsPerGeneration),
      stepOfGeneration: stepOfEpoch % stepsPerGeneration,
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
    candidates: (step) => spans[stageOf(step)]!.positions,
    part: (step) => place(step).stepOfGeneration % partsPerGeneration,
    samples: (step) => place(step).stepOfGeneration === 0,
    epoch,
    stage: stageOf,
  };
}

/** @returns optimiser steps of a generation */
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

/** @returns prompts of an optimiser step */
function checkBatchSize(datasetSize: number, partsPerGeneration: number, options: BatchOptions): number {
  const { batchSize, numGenerations, gradientAccumulationSteps } = options;
  // Every micro-batch holds whole groups.
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

/** The whole dataset as one stage, from the first epoch to the last. */
export const oneStage = (size: number): Stage[] => [
  { untilEpoch: Infinity, positions: Array.from({ length: size }, (_, i) => i) },
];

/** The numbers 0 .. count - 1 in an order that depends on seed and epoch. */
export function permutation(count: number, seed: number, epoch: number): number[] {
  return shuffled([...Array(count).keys()], `seed ${seed}, epoch ${epoch}`);
}
