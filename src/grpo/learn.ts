/**
 * The second half of a step: forward, loss, backward, optimiser.
 *
 *   log pi(token)  --forward-->  loss and dL/dlog pi (TypeScript)  --backward-->  gradients  --> AdamW
 *
 * The first step after sampling is taken by the policy that sampled, so the log-probs of its forward pass are
 * the old log-probs (log pi_old), to the last bit; no separate pass computes them.
 */
import type { GrpoOptions } from './options.js';
import type { TrainableModel } from '../model/trainable.js';
import type { EntropyBonus } from './adaptive-entropy.js';
import { hasExactKl } from './losses/kl.js';
import type { LossFunction, LossMetrics, LossOptions } from './losses/types.js';
import { optimizerOptions } from './optimizer.js';
import { rememberRollout } from './rollout-memory.js';
import { partOf, stopwatch, type Rollout } from './rollout.js';
import { backwardInParts, scoreInParts, type Split } from './split.js';

/** Why a step was not applied: its loss or its gradient norm is NaN or infinite. */
export interface NonFinite {
  what: 'loss' | 'gradient norm';
  value: number;
  /** The rollout or micro-batch of that step, as JSON. */
  batch: unknown;
}

/** The result of one optimiser step. */
export interface Learned {
  /** Sum over the micro-batches. */
  loss: number;
  /** Means over the micro-batches. */
  metrics: LossMetrics;
  /** Global norm before clipping. */
  gradNorm: number;
  /** Distinct tokens (nodes of the token tree) that were forwarded. */
  computed: number;
  seconds: { train: number; optimizer: number };
  /** Set where the step was not applied. */
  nonfinite?: NonFinite;
}

/** What a step needs beside the rollout and the options of the run. */
export interface LearnStep {
  loss: LossFunction;
  learningRate: number;
  noWeightDecay: string[];
  entropyBonus: EntropyBonus;
  split: Split;
  /** Whether the policy is still the one that sampled the completions, so that every ratio is 1. */
  onPolicy: boolean;
}

/** Takes one optimiser step on a rollout, or on a part of one. Several steps may use the same rollout. */
export async function learn(
  model: TrainableModel,
  rollout: Rollout,
  options: GrpoOptions,
  step: LearnStep,
): Promise<Learned> {
  const clock = stopwatch();
  const completionsPerMicroBatch = rollout.completions.length / options.gradientAccumulationSteps;
  const { acted, ...gradient } = await step.split.run('learn', completionsPerMicroBatch, async (parts) => {
    try {
      return await accumulate(model, rollout, options, step, parts);
    } catch (error) {
      await model.zeroGrad(); // A retry must start from gradients of zero.
      throw error;
    }
  });
  const seconds = { train: clock(), optimizer: 0 };
  if (gradient.nonfinite) {
    await model.zeroGrad();
    return { ...gradient, gradNorm: NaN, seconds };
  }
  step.entropyBonus.update(acted);
  const gradNorm = await model.optimizerStep(optimizerOptions(options, step));
  seconds.optimizer = clock();
  if (Number.isFinite(gradNorm)) return { ...gradient, gradNorm, seconds };
  // The engine updates no weight where the norm is not finite.
  const nonfinite = { what: 'gradient norm' as const, value: gradNorm, batch: rememberRollout(rollout) };
  return { ...gradient, gradNorm, seconds, nonfinite };
}

/**
 * Accumulates the gradient of the loss, one micro-batch after another.
 * @param parts how many parts a micro-batch is divided into so that it fits into memory. With more than one,
 *   the log-probs of the whole micro-batch are computed first, for its loss; each part is then forwarded
 *   again for its backward
 */
async function accumulate(
  model: TrainableModel,
  rollout: Rollout,
  options: GrpoOptions,
  step: LearnStep,
  parts: number,
): Promise<Omit<Learned, 'gradNorm' | 'seconds'> & { acted: { sum: number; tokens: number } }> {
  const { gradientAccumulationSteps: microBatches, temperature } = options;
  const kl = hasExactKl(options);
  const lossOptions: LossOptions = { ...options, entropyCoef: step.entropyBonus.applied };
  const isMasked = ({ ended }: Rollout['completions'][number]) =>
    options.maskTruncatedCompletions && ended === 'length';
  const tokensInStep = rollout.completions
    .filter((completion) => !isMasked(completion))
    .reduce((sum, { length }) => sum + length, 0);
  const metrics: LossMetrics[] = [];
  const acted = { sum: 0, tokens: 0 };
  let loss = 0;
  let computed = 0;
  for (let i = 0; i < microBatches; i++) {
    const microBatch = partOf(rollout, i, microBatches);
    const scores =
      parts === 1
        ? await model.forward(microBatch.batch, temperature, { kl })
        : await scoreInParts(model, microBatch.batch, { temperature, kl }, parts);
    computed += scores.computed;
    if (step.onPolicy) microBatch.oldLogps.set(scores.logps);
    const result = step.loss(
      {
        logps: scores.logps,
        oldLogps: step.onPolicy ? null : microBatch.oldLogps,
        refLogps: microBatch.refLogps ?? null,
        kls: scores.kls ?? null,
        entropies: scores.entropies,
        lengths: microBatch.completions.map(({ length }) => length),
        advantages: microBatch.advantages.values,
        weights: microBatch.advantages.weights,
        masked: microBatch.completions.map(isMasked),
        tokensInStep,
      },
      lossOptions,
    );
    loss += result.loss;
    metrics.push(result.metrics);
    acted.sum += result.entropyActedOn.sum;
    acted.tokens += result.entropyActedOn.tokens;
    if (!Number.isFinite(loss)) {
      const batch = { ...rememberRollout(microBatch), logps: [...scores.logps] };
      return {
        loss,
        metrics: means(metrics),
        computed,
        acted,
        nonfinite: { what: 'loss', value: loss, batch },
      };
    }
    if (parts > 1) computed += await backwardInParts(model, microBatch.batch, temperature, result, parts);
    // With every advantage 0 and no KL there is nothing to propagate: the gradient is exactly 0.
    else if (result.dEntropies || result.dKls || result.dLogps.some((derivative) => derivative !== 0))
      await model.backward(result.dLogps, result.dEntropies, result.dKls);
  }
  return { loss, metrics: means(metrics), computed, acted };
}

/** The mean of each metric over the micro-batches that have it. */
function means(microBatches: LossMetrics[]): LossMetrics {
  const names = [
    ...new Set(microBatches.flatMap((metrics) => Object.keys(metrics))),
  ] as (keyof LossMetrics)[];
  const mean = (name: keyof LossMetrics) => {
    const values = microBatches.map((metrics) => metrics[name]).filter((value) => value !== undefined);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as unknown as LossMetrics;
}
