/**
 * The second half of a step: forward, loss, backward, optimiser.
 *
 *   log pi(token)  --forward-->  loss and dL/dlog pi (TypeScript)  --backward-->  gradients  --> AdamW
 *
 * The policy that sampled is the one that learns, so the log-probs of the first iteration's
 * forward are the old ones, to the last bit; no separate pass computes them.
 */
import type { TrainOptions } from '../config/train-options.js';
import { GrpoError } from '../errors.js';
import type { TrainableModel } from '../model/trainable.js';
import type { Batch } from '../native/types.js';
import { policyLoss, type LossMetrics } from './losses.js';
import { stopwatch, type Rollout } from './rollout.js';
import { optimizerOptions } from './optimizer.js';

export interface Learned {
  loss: number;
  /** Means over the accumulated parts. */
  metrics: LossMetrics;
  gradNorm: number;
  /** Distinct tokens forwarded. */
  computed: number;
  seconds: { train: number; optimizer: number };
}

/** One optimiser step on a rollout, which may be used for several. */
export async function learn(
  model: TrainableModel,
  rollout: Rollout,
  options: TrainOptions,
  step: { learningRate: number; noWeightDecay: string[] },
): Promise<Learned> {
  const clock = stopwatch();
  const first = rollout.oldLogps === undefined;
  const old = rollout.oldLogps ?? new Float32Array(rollout.sampled);
  const metrics: LossMetrics[] = [];
  let loss = 0;
  let computed = 0;
  for (const part of split(rollout, options.gradientAccumulationSteps)) {
    const scores = await model.forward(part.batch, options.temperature);
    computed += scores.computed;
    if (first) old.set(scores.logps, part.firstToken);
    const tokens = (all: Float32Array) => all.subarray(part.firstToken, part.firstToken + part.tokens);
    const result = policyLoss(
      {
        logps: scores.logps,
        oldLogps: first ? null : tokens(old),
        refLogps: rollout.refLogps ? tokens(rollout.refLogps) : null,
        entropies: scores.entropies,
        lengths: part.batch.completions.map((ids) => ids.length),
        advantages: rollout.advantages.values.subarray(
          part.firstCompletion,
          part.firstCompletion + part.batch.completions.length,
        ),
        tokensInStep: rollout.sampled,
      },
      options,
    );
    if (!Number.isFinite(result.loss)) throw diverged('loss', result.loss);
    loss += result.loss;
    metrics.push(result.metrics);
    // With every advantage 0 and no KL there is nothing to propagate: the gradient is exactly 0.
    if (result.dEntropies || result.dLogps.some((derivative) => derivative !== 0))
      await model.backward(result.dLogps, result.dEntropies);
  }
  rollout.oldLogps = old;
  const train = clock();

  const gradNorm = await model.optimizerStep(optimizerOptions(options, step));
  if (!Number.isFinite(gradNorm)) throw diverged('gradient norm', gradNorm);
  return { loss, metrics: means(metrics), gradNorm, computed, seconds: { train, optimizer: clock() } };
}

interface Part {
  batch: Batch;
  /** Where the part begins among the rollout's completions and tokens. */
  firstCompletion: number;
  firstToken: number;
  tokens: number;
}

/** Equal parts of whole groups, each with the prompts it needs. */
function split({ batch }: Rollout, count: number): Part[] {
  const size = batch.completions.length / count;
  let token = 0;
  return Array.from({ length: count }, (_, i) => {
    const from = i * size;
    const completions = batch.completions.slice(from, from + size);
    const promptOf = batch.promptOf.slice(from, from + size);
    const used = [...new Set(promptOf)];
    const firstToken = token;
    const tokens = completions.reduce((sum, ids) => sum + ids.length, 0);
    token += tokens;
    return {
      batch: {
        prompts: used.map((prompt) => batch.prompts[prompt]!),
        completions,
        promptOf: promptOf.map((prompt) => used.indexOf(prompt)),
      },
      firstCompletion: from,
      firstToken,
      tokens,
    };
  });
}

function means(parts: LossMetrics[]): LossMetrics {
  const names = Object.keys(parts[0]!) as (keyof LossMetrics)[];
  const mean = (name: keyof LossMetrics) => parts.reduce((sum, part) => sum + part[name]!, 0) / parts.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as unknown as LossMetrics;
}

function diverged(what: string, value: number): GrpoError {
  return new GrpoError('DIVERGED', `the ${what} is ${value}: the weights have left the range of numbers`, {
    fix: 'lower --learning-rate or raise --beta, and start anew or resume from the last checkpoint',
    value,
    exitCode: 1,
  });
}
