/** The gradients that several losses give on the same completions, compared. No weight is changed. */
import { joined } from '../common/floats.js';
import type { Batch } from '../engine/types.js';
import type { LanguageModel } from '../model/language-model.js';
import { policyLoss } from './losses/index.js';
import { hasExactKl, type KlEstimator } from './losses/kl.js';
import type { LossInput, LossOptions, LossResult, LossType } from './losses/types.js';
import { backwardInParts, scoreInParts, type Split } from './split.js';

/** What gradients are taken with. */
export type GradientModel = Pick<LanguageModel, 'score' | 'forward' | 'backward' | 'zeroGrad'> & {
  engine: Pick<LanguageModel['engine'], 'parameters' | 'tensor'>;
};

/** What a loss gives on a batch. */
export interface LossGradient {
  /** Which loss. */
  lossType: LossType;
  /** The loss. */
  loss: number;
  /** 2-norm of the gradient of all weights that learn. */
  gradNorm: number;
  /** `[losses]` cosine of the angle to the gradient of each loss; null where a gradient is 0. */
  cosines: (number | null)[];
}

/** Completions and what a loss needs of them beside the policy's log-probs. */
export interface ScoredBatch extends Omit<LossInput, 'logps' | 'entropies' | 'kls' | 'lengths'> {
  batch: Batch;
}

/**
 * Loss, gradient norm and cosines of each loss. The gradients of all of them are held at once, 4 bytes a weight and
 * loss.
 * @param options of the losses; `lossType` is each of `losses`
 */
export async function lossGradients(
  model: GradientModel,
  { batch, ...scored }: ScoredBatch,
  losses: readonly LossType[],
  options: LossOptions & { temperature: number; klEstimator: KlEstimator },
  split: Split,
): Promise<LossGradient[]> {
  const { temperature } = options;
  const most = batch.completions.length;
  const kl = hasExactKl(options);
  const { logps, entropies, kls } = await split.run('score', most, (parts) =>
    scoreInParts(model, batch, { temperature, kl }, parts),
  );
  const lengths = batch.completions.map(({ length }) => length);
  const input = { ...scored, logps, entropies, kls: kls ?? null, lengths };
  const results: LossResult[] = [];
  const gradients: (Float32Array | null)[] = [];
  for (const lossType of losses) {
    const result = policyLoss(input, { ...options, lossType });
    results.push(result);
    gradients.push(
      await split.run('learn', most, (parts) => gradientOf(model, batch, temperature, result, parts)),
    );
  }
  const norms = gradients.map((gradient) => (gradient ? Math.sqrt(dot(gradient, gradient)) : 0));
  const cosine = (i: number, j: number): number | null => {
    const [a, b] = [gradients[i], gradients[j]];
    if (!a || !b || norms[i] === 0 || norms[j] === 0) return null;
    // Rounding may leave the range.
    return Math.max(-1, Math.min(1, dot(a, b) / (norms[i]! * norms[j]!)));
  };
  return losses.map((lossType, i) => ({
    lossType,
    loss: results[i]!.loss,
    gradNorm: norms[i]!,
    cosines: losses.map((_, j) => cosine(i, j)),
  }));
}

/** `[weights]` the gradient of a loss; null where nothing is propagated, and it is 0. */
async function gradientOf(
  model: GradientModel,
  batch: Batch,
  temperature: number,
  result: LossResult,
  parts: number,
): Promise<Float32Array | null> {
  if (!result.dEntropies && !result.dKls && result.dLogps.every((derivative) => derivative === 0))
    return null;
  try {
    await backwardInParts(model, batch, temperature, result, parts);
    const tensors: Float32Array[] = [];
    for (const { name, trainable } of await model.engine.parameters())
      if (trainable) tensors.push(await model.engine.tensor(name, 'grad'));
    return joined(tensors);
  } finally {
    await model.zeroGrad();
  }
}

/** In float64. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
