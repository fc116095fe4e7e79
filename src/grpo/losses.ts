/**
 * The loss: from per-token log-probs to a number and its derivative with respect to them.
 *
 * With r = pi / pi_old for a token, A the advantage of its completion, and w the weight that the
 * loss type gives the token:
 *
 *   L = sum over tokens of  w * ( -min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A) + beta * KL )
 *       - entropy_coef * mean entropy
 *   KL = pi_ref / pi - log(pi_ref / pi) - 1          (the k3 estimator, Schulman 2020)
 *
 * GRPO: Shao et al. 2024, equations 3 and 4; Dr. GRPO: Liu et al. 2025; DAPO: Yu et al. 2025.
 * Pure functions, in float64, that call nothing: the engine back-propagates what they return.
 */

export type LossType = 'grpo' | 'dr_grpo' | 'bnpo' | 'dapo';

export interface LossOptions {
  lossType: LossType;
  /** Weight of the KL penalty. */
  beta: number;
  /** Clip range below 1. */
  epsilon: number;
  /** Clip range above 1. */
  epsilonHigh: number;
  /** Weight of the entropy bonus. */
  entropyCoef: number;
  /** Multiplies the KL by r, which makes its gradient unbiased (on by default in later TRL). */
  useBiasCorrectionKl: boolean;
  maxCompletionLength: number;
  /** The loss is one of this many whose gradients are summed. */
  gradientAccumulationSteps: number;
}

/** Tokens of all completions, one after another. */
export interface LossInput {
  /** `[tokens]` log pi, nats. */
  logps: ArrayLike<number>;
  /** `[tokens]` log pi_old; null where the policy is the one that sampled (r = 1). */
  oldLogps: ArrayLike<number> | null;
  /** `[tokens]` log pi_ref; read when beta isn't 0. */
  refLogps: ArrayLike<number> | null;
  /** `[tokens]` nats. */
  entropies: ArrayLike<number>;
  /** `[completions]` tokens of each. */
  lengths: ArrayLike<number>;
  /** `[completions]` */
  advantages: ArrayLike<number>;
  /** Tokens of the optimiser step, all accumulated parts together (dapo's normaliser). */
  tokensInStep: number;
}

/** Means over the completion tokens, by TRL's names. */
export interface LossMetrics {
  entropy: number;
  kl?: number;
  policy_loss?: number;
  'clip_ratio/low_mean': number;
  'clip_ratio/high_mean': number;
  'clip_ratio/region_mean': number;
  /** Least and greatest share within a completion. */
  'clip_ratio/low_min': number;
  'clip_ratio/high_max': number;
}

export interface LossResult {
  loss: number;
  /** `[tokens]` dL / dlog pi. */
  dLogps: Float32Array;
  /** `[tokens]` dL / dentropy; null where the loss has no entropy term. */
  dEntropies: Float32Array | null;
  metrics: LossMetrics;
}

interface Sizes {
  completions: number;
  tokens: number;
  tokensInStep: number;
  maxCompletionLength: number;
  parts: number;
}

/** The weight of a token in a completion of `length` tokens: all that tells the loss types apart. */
const TOKEN_WEIGHT: Record<LossType, (length: number, sizes: Sizes) => number> = {
  grpo: (length, { completions, parts }) => 1 / (length * completions * parts),
  bnpo: (_, { tokens, parts }) => 1 / (tokens * parts),
  dr_grpo: (_, { completions, maxCompletionLength, parts }) =>
    1 / (completions * maxCompletionLength * parts),
  dapo: (_, { tokensInStep }) => 1 / tokensInStep,
};

interface Term {
  value: number;
  /** With respect to log pi. */
  derivative: number;
}

/** -min(r A, clip(r) A). Where the clipped side is the lesser, nothing pushes the token any further. */
function surrogate(ratio: number, advantage: number, { epsilon, epsilonHigh }: LossOptions): Term {
  const clipped = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilonHigh);
  const plain = ratio * advantage;
  return plain <= clipped * advantage
    ? { value: -plain, derivative: -plain } // d ratio / d log pi = ratio
    : { value: -clipped * advantage, derivative: 0 };
}

/** The k3 estimate of KL(pi || pi_ref) at one token. */
function klTerm(logp: number, refLogp: number, ratio: number, corrected: boolean): Term {
  const gap = refLogp - logp;
  const value = Math.exp(gap) - gap - 1;
  const derivative = 1 - Math.exp(gap);
  return corrected
    ? { value: value * ratio, derivative: (derivative + value) * ratio }
    : { value, derivative };
}

export function policyLoss(input: LossInput, options: LossOptions): LossResult {
  const { logps, oldLogps, refLogps, entropies, lengths, advantages } = input;
  const { beta, epsilon, epsilonHigh, entropyCoef, gradientAccumulationSteps: parts } = options;
  const tokens = logps.length;
  const sizes: Sizes = {
    completions: lengths.length,
    tokens,
    tokensInStep: input.tokensInStep,
    maxCompletionLength: options.maxCompletionLength,
    parts,
  };
  const dLogps = new Float32Array(tokens);
  const sums = { loss: 0, kl: 0, entropy: 0, low: 0, high: 0 };
  const lowShares: number[] = [];
  const highShares: number[] = [];

  for (let completion = 0, token = 0; completion < lengths.length; completion++) {
    const length = lengths[completion]!;
    const advantage = advantages[completion]!;
    const weight = TOKEN_WEIGHT[options.lossType](length, sizes);
    let low = 0;
    let high = 0;
    for (const end = token + length; token < end; token++) {
      const logp = logps[token]!;
      const ratio = oldLogps ? Math.exp(logp - oldLogps[token]!) : 1;
      const term = surrogate(ratio, advantage, options);
      if (beta !== 0 && refLogps) {
        const kl = klTerm(logp, refLogps[token]!, ratio, options.useBiasCorrectionKl);
        term.value += beta * kl.value;
        term.derivative += beta * kl.derivative;
        sums.kl += kl.value;
      }
      sums.loss += weight * term.value;
      sums.entropy += entropies[token]!;
      dLogps[token] = weight * term.derivative;
      if (ratio < 1 - epsilon && advantage < 0) low++;
      if (ratio > 1 + epsilonHigh && advantage > 0) high++;
    }
    sums.low += low;
    sums.high += high;
    lowShares.push(low / length);
    highShares.push(high / length);
  }

  const metrics: LossMetrics = {
    entropy: sums.entropy / tokens,
    'clip_ratio/low_mean': sums.low / tokens,
    'clip_ratio/high_mean': sums.high / tokens,
    'clip_ratio/region_mean': (sums.low + sums.high) / tokens,
    'clip_ratio/low_min': Math.min(...lowShares),
    'clip_ratio/high_max': Math.max(...highShares),
  };
  if (beta !== 0) metrics.kl = sums.kl / tokens;
  if (entropyCoef === 0) return { loss: sums.loss, dLogps, dEntropies: null, metrics };

  metrics.policy_loss = sums.loss * (options.lossType === 'dapo' ? 1 : parts);
  const share = entropyCoef / (tokens * parts);
  return {
    loss: sums.loss - share * sums.entropy,
    dLogps,
    dEntropies: new Float32Array(tokens).fill(-share),
    metrics,
  };
}
