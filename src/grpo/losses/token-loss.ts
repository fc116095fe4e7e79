/**
 * The part that all losses share: from the log-probs of the tokens to the loss and its derivative with
 * respect to them.
 *
 *   L = sum over tokens of  w * ( keep * surrogate + beta * KL )  -  entropy_coef * mean entropy
 *
 * The weight w (times the completion's own, where an estimator gives one) and the surrogate differ from loss
 * to loss; keep is 0 for what the masks leave out (`masks.ts`), else 1; KL is its estimate by the token
 * (`kl.ts`), or what was computed over the vocabulary. The ratio r = pi / pi_old is that of the token, or, at
 * the sequence level, exp of the mean of its completion's log ratios (GSPO, Zheng et al. 2025,
 * arXiv:2507.18071, equation 7), which then depends on every token of the completion.
 *
 * A pure function, computed in float64; the engine back-propagates the derivative that it returns.
 */
import type { LossTypeMetrics, SeenCompletion } from './clip-ratios.js';
import { klTerm } from './kl.js';
import { entropyThreshold, onPolicy } from './masks.js';
import type {
  LossFunction,
  LossInput,
  LossMetrics,
  LossOptions,
  LossResult,
  Surrogate,
  Term,
} from './types.js';
import { stepTokenMean, type Sizes, type TokenWeight } from './weights.js';

/** What tells one loss of the family from another. */
export interface TokenLoss {
  /** What a token adds to the loss, before it is weighted; to be minimised. */
  surrogate: Surrogate;
  /** How tokens are averaged. */
  weight: TokenWeight;
  /** What the loss reports of the probability ratios; nothing by default. */
  metrics?: LossTypeMetrics;
}

const NOTHING: Term = { value: 0, byLogRatio: 0, byLogp: 0 };

/**
 * Makes a loss from a surrogate and a weight; KL penalty, masks, entropy bonus and both importance sampling
 * levels are added as the options say.
 *
 * @example
 * ```ts
 * // REINFORCE without clipping, a mean over completions.
 * const loss = tokenLoss({
 *   surrogate:
 *     ({ advantage }) =>
 *     (ratio) => ({ value: -ratio * advantage, byLogRatio: -ratio * advantage, byLogp: 0 }),
 *   weight: (length, { completions, parts }) => 1 / (length * completions * parts),
 * });
 * await train({ model: 'tiny', maxSteps: 50 }, { loss });
 * ```
 */
export function tokenLoss(own: TokenLoss): LossFunction {
  return (input, options) => evaluate(own, input, options);
}

function evaluate(own: TokenLoss, input: LossInput, options: LossOptions): LossResult {
  const { logps, kls, entropies } = input;
  const { beta, entropyCoef, gradientAccumulationSteps: microBatches } = options;
  const completions = completionsOf(input);
  const counted = completions.filter(({ masked }) => !masked);
  const tokens = counted.reduce((sum, { length }) => sum + length, 0);
  const weightedTokens = counted.reduce((sum, { length, weight }) => sum + weight * length, 0);
  const sizes: Sizes = {
    completions: completions.length,
    tokens,
    tokensInStep: input.tokensInStep,
    maxCompletionLength: options.maxCompletionLength,
    microBatches,
  };
  const isActedOn = highEntropy(counted, input, options);
  const byLogp = new Float64Array(logps.length);
  const dKls = beta !== 0 && kls ? new Float32Array(logps.length) : null;
  const sums = { loss: 0, kl: 0, entropy: 0 };

  for (const completion of completions) {
    const { begin, length, masked, logRatios, advantage, ratios } = completion;
    const sequence = options.importanceSamplingLevel === 'sequence';
    if (masked) {
      // TRL counts a completion whose tokens are all masked as one with the ratio 1.
      if (sequence) ratios.push(1);
      continue;
    }
    const meanLogRatio = logRatios.reduce((sum, value) => sum + value, 0) / length;
    const weight = completion.weight * own.weight(length, sizes);
    const surrogate = own.surrogate(completion, options);
    const { offPolicyMaskThreshold: threshold } = options;
    const stays = threshold === null || onPolicy(advantage, logRatios, threshold);
    let byMeanLogRatio = 0;

    for (let i = 0, token = begin; i < length; i++, token++) {
      const logp = logps[token]!;
      const ratio = Math.exp(sequence ? meanLogRatio : logRatios[i]!);
      const policy = stays && isActedOn(token) ? surrogate(ratio, logp) : NOTHING;
      const kl = beta === 0 ? NOTHING : klAt(input, token, ratio, options);
      if (dKls) dKls[token] = weight * beta;
      sums.loss += weight * (policy.value + beta * kl.value);
      sums.kl += completion.weight * kl.value;
      sums.entropy += completion.weight * entropies[token]!;
      byLogp[token] = weight * (policy.byLogp + beta * kl.byLogp);
      const byLogRatio = weight * (policy.byLogRatio + beta * kl.byLogRatio);
      if (sequence) byMeanLogRatio += byLogRatio;
      else byLogp[token]! += byLogRatio;
      ratios.push(ratio);
    }
    for (let token = begin; sequence && token < begin + length; token++)
      byLogp[token]! += byMeanLogRatio / length;
  }

  const acted = { sum: 0, tokens: 0 };
  for (const { begin, length } of counted)
    for (let token = begin; token < begin + length; token++)
      if (isActedOn(token)) {
        acted.sum += entropies[token]!;
        acted.tokens++;
      }
  const result: LossResult = {
    loss: sums.loss,
    dLogps: Float32Array.from(byLogp),
    dEntropies: null,
    dKls,
    metrics: {
      ...lossMetrics(sums, weightedTokens, own, options),
      ...own.metrics?.(completions, options),
    },
    entropyActedOn: acted,
  };
  if (entropyCoef === null || entropyCoef === 0) return result;

  const share = entropyCoef / (Math.max(1, acted.tokens) * microBatches);
  const dEntropies = new Float32Array(logps.length);
  for (const { begin, length } of counted)
    for (let token = begin; token < begin + length; token++) if (isActedOn(token)) dEntropies[token] = -share;
  return { ...result, loss: sums.loss - share * acted.sum, dEntropies };
}

/** The KL at a token: over the vocabulary where it was computed, else its estimate. */
function klAt(
  { logps, refLogps, kls }: LossInput,
  token: number,
  ratio: number,
  { useBiasCorrectionKl }: LossOptions,
): Term {
  if (kls) return { ...NOTHING, value: kls[token]! };
  return refLogps ? klTerm(logps[token]!, refLogps[token]!, ratio, useBiasCorrectionKl) : NOTHING;
}

/** A completion with the place of its tokens among those of the micro-batch. */
interface Span extends SeenCompletion {
  /** Position of its first token. */
  begin: number;
  length: number;
  /** How much it counts. */
  weight: number;
  masked: boolean;
}

function completionsOf({ logps, oldLogps, lengths, advantages, weights, masked }: LossInput): Span[] {
  let begin = 0;
  return Array.from(lengths, (length, i) => {
    const first = begin;
    begin += length;
    const isMasked = masked?.[i] ?? false;
    const logRatios = Float64Array.from({ length: isMasked ? 0 : length }, (_, k) =>
      oldLogps ? logps[first + k]! - oldLogps[first + k]! : 0,
    );
    return {
      begin: first,
      length,
      advantage: advantages[i]!,
      weight: weights?.[i] ?? 1,
      masked: isMasked,
      logRatios,
      ratios: [],
    };
  });
}

/** Gives a test for the tokens that the policy term and the entropy bonus act on: those of high entropy. */
function highEntropy(
  counted: Span[],
  { entropies }: LossInput,
  { topEntropyQuantile }: LossOptions,
): (token: number) => boolean {
  if (topEntropyQuantile >= 1) return () => true;
  const all = counted.flatMap(({ begin, length }) => Array.from({ length }, (_, i) => entropies[begin + i]!));
  const threshold = entropyThreshold(all, topEntropyQuantile);
  return (token) => Math.fround(entropies[token]!) >= threshold;
}

function lossMetrics(
  sums: { loss: number; kl: number; entropy: number },
  tokens: number,
  { weight }: TokenLoss,
  { beta, gradientAccumulationSteps: microBatches, entropyCoef }: LossOptions,
): LossMetrics {
  const count = tokens > 0 ? tokens : 1;
  return {
    entropy: sums.entropy / count,
    ...(beta !== 0 && { kl: sums.kl / count }),
    // The loss without the entropy bonus. Losses that are divided by the number of micro-batches are scaled
    // back.
    ...(entropyCoef !== null && { policy_loss: sums.loss * (weight === stepTokenMean ? 1 : microBatches) }),
  };
}
