/**
 * The second half of a step: forward, loss, backward, optimiser.
 *
 *   log pi(token)  --forward-->  loss and dL/dlog pi (TypeScript)  --backward-->  gradients  --> AdamW
 *
 * The policy that sampled is the one that learns first, so that forward's log-probs are the old ones, to the
 * last bit; no separate pass computes them.
 */
import type { GrpoOptions } from './options.js';
import type { TrainableModel } from '../model/trainable.js';
import type { EntropyBonus } from './adaptive-entropy.js';
import type { LossFunction, LossMetrics, LossOptions } from './losses/types.js';
import { optimizerOptions } from './optimizer.js';
import { rememberRollout } from './rollout-memory.js';
import { partOf, stopwatch, type Rollout } from './rollout.js';
import { backwardInParts, scoreInParts, type Split } from './split.js';

/** What a step that was not applied tells. */
export interface NonFinite {
  what: 'loss' | 'gradient norm';
  value: number;
  /** What it was learning from, as JSON. */
  batch: unknown;
}

export interface Learned {
  loss: number;
  /** Means over the accumulated parts. */
  metrics: LossMetrics;
  gradNorm: number;
  /** Distinct tokens forwarded. */
  computed: number;
  seconds: { train: number; optimizer: number };
  /** The step was not applied: why. */
  nonfinite?: NonFinite;
}

/** What changes from step to step. */
export interface LearnStep {
  loss: LossFunction;
  learningRate: number;
  noWeightDecay: string[];
  entropyBonus: EntropyBonus;
  split: Split;
  /** The policy is the one that sampled. */
  onPolicy: boolean;
}

/** One optimiser step on a rollout, or a part of one, which may be used for several. */
export async function learn(
  model: TrainableModel,
  rollout: Rollout,
  options: GrpoOptions,
  step: LearnStep,
): Promise<Learned> {
  const clock = stopwatch();
  const most = rollout.completions.length / options.gradientAccumulationSteps;
  const { acted, ...gradient } = await step.split.run('learn', most, async (pieces) => {
    try {
      return await accumulate(model, rollout, options, step, pieces);
    } catch (error) {
      await model.zeroGrad(); // it is begun again, or not at all
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
  // The engine has not applied it.
  const nonfinite = { what: 'gradient norm' as const, value: gradNorm, batch: rememberRollout(rollout) };
  return { ...gradient, gradNorm, seconds, nonfinite };
}

/**
 * The gradient of the loss, part after part.
 * @param pieces that memory makes of each part: then log-probs come first, for the whole part's loss, and a
 *   second forward of each piece for its backward
 */
async function accumulate(
  model: TrainableModel,
  rollout: Rollout,
  options: GrpoOptions,
  step: LearnStep,
  pieces: number,
): Promise<Omit<Learned, 'gradNorm' | 'seconds'> & { acted: { sum: number; tokens: number } }> {
  const { gradientAccumulationSteps: parts, temperature } = options;
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
  for (let i = 0; i < parts; i++) {
    const part = partOf(rollout, i, parts);
    const scores =
      pieces === 1
        ? await model.forward(part.batch, temperature)
        : await scoreInParts(model, part.batch, { temperature }, pieces);
    computed += scores.computed;
    if (step.onPolicy) part.oldLogps.set(scores.logps);
    const result = step.loss(
      {
        logps: scores.logps,
        oldLogps: step.onPolicy ? null : part.oldLogps,
        refLogps: part.refLogps ?? null,
        entropies: scores.entropies,
        lengths: part.completions.map(({ length }) => length),
        advantages: part.advantages.values,
        masked: part.completions.map(isMasked),
        tokensInStep,
      },
      lossOptions,
    );
    loss += result.loss;
    metrics.push(result.metrics);
    acted.sum += result.entropyActedOn.sum;
    acted.tokens += result.entropyActedOn.tokens;
    if (!Number.isFinite(loss)) {
      const batch = { ...rememberRollout(part), logps: [...scores.logps] };
      return {
        loss,
        metrics: means(metrics),
        computed,
        acted,
        nonfinite: { what: 'loss', value: loss, batch },
      };
    }
    if (pieces > 1) computed += await backwardInParts(model, part.batch, temperature, result, pieces);
    // With every advantage 0 and no KL there is nothing to propagate: the gradient is exactly 0.
    else if (result.dEntropies || result.dLogps.some((derivative) => derivative !== 0))
      await model.backward(result.dLogps, result.dEntropies);
  }
  return { loss, metrics: means(metrics), computed, acted };
}

/** Of each metric, over the parts that have it. */
function means(parts: LossMetrics[]): LossMetrics {
  const names = [...new Set(parts.flatMap((part) => Object.keys(part)))] as (keyof LossMetrics)[];
  const mean = (name: keyof LossMetrics) => {
    const values = parts.map((part) => part[name]).filter((value) => value !== undefined);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as unknown as LossMetrics;
}
