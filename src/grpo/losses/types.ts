/** Types of the losses. The tokens of all completions lie one after another. */

/** TRL's `loss_type`s: GRPO and its family. */
export const LOSS_TYPES = ['grpo', 'dr_grpo', 'bnpo', 'dapo', 'cispo', 'sapo', 'luspo', 'vespo'] as const;
/** TRL's `loss_type`s: GRPO and its family. docs/losses.md has formulas and papers. */
export type LossType = (typeof LOSS_TYPES)[number];

export const IMPORTANCE_SAMPLING_LEVELS = ['token', 'sequence'] as const;
/**
 * Whose probability ratio the loss uses: each token's own, or its completion's (GSPO, Zheng et al. 2025,
 * arXiv:2507.18071).
 */
export type ImportanceSamplingLevel = (typeof IMPORTANCE_SAMPLING_LEVELS)[number];

/** Options of a run that its loss depends on. π is the policy, π_old the policy that sampled. */
export interface LossOptions {
  /** Which built-in loss. */
  lossType: LossType;
  /** Whose ratio π / π_old is used: each token's own, or its completion's. */
  importanceSamplingLevel: ImportanceSamplingLevel;
  /** Weight of the KL penalty to the reference model; 0: none. */
  beta: number;
  /** The ratio is clipped below 1 - epsilon. */
  epsilon: number;
  /** The ratio is clipped above 1 + epsilonHigh; with `cispo`, above epsilonHigh itself. */
  epsilonHigh: number;
  /** Greatest ratio of an unclipped term (two-sided clipping); null: none. */
  delta: number | null;
  /** Temperature of `sapo`'s gate where the advantage is above 0. */
  sapoTemperaturePos: number;
  /** Temperature of `sapo`'s gate elsewhere. */
  sapoTemperatureNeg: number;
  /** Exponent k of `vespo`'s weight where the advantage is not below 0. */
  vespoKPos: number;
  /** Decay λ of `vespo`'s weight where the advantage is not below 0. */
  vespoLambdaPos: number;
  /** Exponent k of `vespo`'s weight where the advantage is below 0. */
  vespoKNeg: number;
  /** Decay λ of `vespo`'s weight where the advantage is below 0. */
  vespoLambdaNeg: number;
  /** Weight of the entropy bonus; null: there is none. */
  entropyCoef: number | null;
  /** Share of the tokens, those of highest entropy, that the surrogate acts on; 1: all. */
  topEntropyQuantile: number;
  /** Completions of negative advantage whose mean log(π_old / π) exceeds this are left out; null: none. */
  offPolicyMaskThreshold: number | null;
  /** Multiplies the KL term by the ratio, which makes its gradient unbiased. */
  useBiasCorrectionKl: boolean;
  /** Most tokens of a completion; `dr_grpo` divides by it. */
  maxCompletionLength: number;
  /** Micro-batches of the optimiser step, whose losses and gradients are summed. */
  gradientAccumulationSteps: number;
}

/**
 * A micro-batch: the tokens of its completions one after another, without padding. Log-probabilities are in
 * nats, at the sampling temperature.
 */
export interface LossInput {
  /** `[tokens]` log π of each completion token. */
  logps: ArrayLike<number>;
  /**
   * `[tokens]` log π_old of the policy that sampled; null where that is the policy itself, and every ratio is
   * 1.
   */
  oldLogps: ArrayLike<number> | null;
  /** `[tokens]` log π_ref of the reference model; null where `beta` is 0, and where there are `kls`. */
  refLogps: ArrayLike<number> | null;
  /**
   * `[tokens]` KL(π || π_ref) over the whole vocabulary where each token was drawn, nats, in place of its
   * estimate by the token (`kl_estimator` exact); null or absent: it is estimated.
   */
  kls?: ArrayLike<number> | null;
  /** `[tokens]` entropy of the distribution that the token was drawn from, nats. */
  entropies: ArrayLike<number>;
  /** `[completions]` Number of tokens of each. */
  lengths: ArrayLike<number>;
  /** `[completions]` advantage of each. */
  advantages: ArrayLike<number>;
  /**
   * `[completions]` how much each counts: surrogate and KL are multiplied by it; null or absent: 1 each.
   */
  weights?: ArrayLike<number> | null;
  /** `[completions]` those that the loss leaves out (`mask_truncated_completions`); null or absent: none. */
  masked?: ArrayLike<boolean> | null;
  /** Tokens of the optimiser step that are not masked, all its micro-batches together. */
  tokensInStep: number;
}

/**
 * What a loss reports, by TRL's names. Means over completion tokens that are not masked; docs/metrics.md has
 * formulas.
 */
export interface LossMetrics {
  /** Mean entropy, nats. */
  entropy: number;
  /** Mean KL to the reference model, nats; absent where `beta` is 0. */
  kl?: number;
  /** The loss without its entropy bonus, where there is one. */
  policy_loss?: number;
  /** Share of tokens clipped below 1 - epsilon. */
  'clip_ratio/low_mean'?: number;
  /** Share of tokens clipped above 1 + epsilonHigh. */
  'clip_ratio/high_mean'?: number;
  /** Share of tokens clipped on either side. */
  'clip_ratio/region_mean'?: number;
  /** Least share clipped below within a completion. */
  'clip_ratio/low_min'?: number;
  /** Greatest share clipped above within a completion. */
  'clip_ratio/high_max'?: number;
  /** Share of tokens of positive advantage whose ratio is above `cispo`'s bound. */
  cispo_clip_ratio?: number;
  /** Mean of `vespo`'s weight over completions. */
  'vespo/phi_seq_mean'?: number;
}

/** Entropies of some tokens. */
export interface EntropySum {
  /** Their sum, nats. */
  sum: number;
  /** How many tokens. */
  tokens: number;
}

/** A loss with its derivatives. */
export interface LossResult {
  /** What is minimised. The losses of a step's micro-batches are summed. */
  loss: number;
  /** `[tokens]` dL/dlog π. */
  dLogps: Float32Array;
  /** `[tokens]` dL/dentropy; null where the loss has no entropy bonus. */
  dEntropies: Float32Array | null;
  /** `[tokens]` dL/dKL; null where the loss does not depend on `kls`. */
  dKls: Float32Array | null;
  /** What is reported of the micro-batch. */
  metrics: LossMetrics;
  /** Sum of the entropies, nats, of the tokens that an entropy bonus acts on, and their number. */
  entropyActedOn: EntropySum;
}

/**
 * A loss: a pure function from log-probabilities to a number and its derivatives, which the engine
 * back-propagates.
 */
export type LossFunction = (input: LossInput, options: LossOptions) => LossResult;

/** What one token adds to the loss before it is weighted, with its derivatives. */
export interface Term {
  /** The term. */
  value: number;
  /**
   * Derivative with respect to the log of the ratio, which moves with log π of the token, or of all tokens of
   * the completion.
   */
  byLogRatio: number;
  /** Derivative with respect to log π where it stands outside a ratio. */
  byLogp: number;
}

/** What a surrogate is given of a completion. */
export interface CompletionRatios {
  /** Its advantage. */
  advantage: number;
  /** `[tokens]` log(π / π_old); empty where the completion is masked. */
  logRatios: Float64Array;
}

/**
 * Given a completion, returns what each of its tokens adds: from its ratio π / π_old (the token's or the
 * completion's own) and its log π.
 */
export type Surrogate = (
  completion: CompletionRatios,
  options: LossOptions,
) => (ratio: number, logp: number) => Term;
