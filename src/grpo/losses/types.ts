/** Types of the losses. The tokens of all completions lie one after another. */

/** TRL's `loss_type`s: GRPO and its family. */
export const LOSS_TYPES = ['grpo', 'dr_grpo', 'bnpo', 'dapo', 'cispo', 'sapo', 'luspo', 'vespo'] as const;
export type LossType = (typeof LOSS_TYPES)[number];

export const IMPORTANCE_SAMPLING_LEVELS = ['token', 'sequence'] as const;
export type ImportanceSamplingLevel = (typeof IMPORTANCE_SAMPLING_LEVELS)[number];

/** The options of a run that losses read. */
export interface LossOptions {
  lossType: LossType;
  /** Which probability ratio pi / pi_old is used: that of each token, or that of its completion (GSPO). */
  importanceSamplingLevel: ImportanceSamplingLevel;
  /** Weight of the KL penalty. */
  beta: number;
  /** Clip range below 1. */
  epsilon: number;
  /** Clip range above 1; for cispo the greatest ratio itself. */
  epsilonHigh: number;
  /** The greatest ratio that an unclipped term may have (two-sided clipping); null: none. */
  delta: number | null;
  sapoTemperaturePos: number;
  sapoTemperatureNeg: number;
  vespoKPos: number;
  vespoLambdaPos: number;
  vespoKNeg: number;
  vespoLambdaNeg: number;
  /** Weight of the entropy bonus; null: there is none. */
  entropyCoef: number | null;
  /** Share of the tokens, those of the highest entropy, that the policy term acts on. */
  topEntropyQuantile: number;
  /**
   * A completion of negative advantage is left out where the mean of log(pi_old / pi) over its tokens is
   * above this; null: none is.
   */
  offPolicyMaskThreshold: number | null;
  /** Multiplies the KL by the ratio, which makes its gradient unbiased (on by default in later TRL). */
  useBiasCorrectionKl: boolean;
  maxCompletionLength: number;
  /** Number of micro-batches of the optimiser step; their gradients are summed. */
  gradientAccumulationSteps: number;
}

/** The micro-batch that a loss is computed for. */
export interface LossInput {
  /** `[tokens]` Log-probability of each token under the policy (log pi), nats. */
  logps: ArrayLike<number>;
  /**
   * `[tokens]` The same under the policy that sampled (log pi_old); null where that is this policy (ratio 1).
   */
  oldLogps: ArrayLike<number> | null;
  /** `[tokens]` The same under the reference model (log pi_ref); null when beta is 0. */
  refLogps: ArrayLike<number> | null;
  /** `[tokens]` Entropy of the distribution that each token was drawn from, nats. */
  entropies: ArrayLike<number>;
  /** `[completions]` Number of tokens of each. */
  lengths: ArrayLike<number>;
  /** `[completions]` */
  advantages: ArrayLike<number>;
  /** `[completions]` Which ones the loss leaves out (`mask_truncated_completions`); null: none. */
  masked?: ArrayLike<boolean> | null;
  /** Number of tokens that are not masked in the optimiser step, all micro-batches together. */
  tokensInStep: number;
}

/**
 * Means over the completion tokens, by TRL's names. Which metrics of the ratios there are depends on the loss
 * type.
 */
export interface LossMetrics {
  entropy: number;
  kl?: number;
  policy_loss?: number;
  'clip_ratio/low_mean'?: number;
  'clip_ratio/high_mean'?: number;
  'clip_ratio/region_mean'?: number;
  /** Least and greatest share within a completion. */
  'clip_ratio/low_min'?: number;
  'clip_ratio/high_max'?: number;
  cispo_clip_ratio?: number;
  'vespo/phi_seq_mean'?: number;
}

export interface LossResult {
  loss: number;
  /** `[tokens]` Derivative of the loss with respect to the log-probs (dL / dlog pi). */
  dLogps: Float32Array;
  /**
   * `[tokens]` Derivative of the loss with respect to the entropies; null where the loss has no entropy term.
   */
  dEntropies: Float32Array | null;
  metrics: LossMetrics;
  /** Sum of the entropies, nats, and number of the tokens that an entropy bonus acts on. */
  entropyActedOn: { sum: number; tokens: number };
}

/** A loss: a pure function from log-probs to a number and its derivatives, which the engine back-propagates. */
export type LossFunction = (input: LossInput, options: LossOptions) => LossResult;

/** The term of one token in the loss, before it is weighted, and its derivatives. */
export interface Term {
  value: number;
  /**
   * Derivative with respect to the log of the ratio (which depends on one token, or on the whole completion).
   */
  byLogRatio: number;
  /** Derivative with respect to log pi where it appears outside of the ratio. */
  byLogp: number;
}

/** What a surrogate is given of a completion. */
export interface CompletionRatios {
  advantage: number;
  /** `[tokens]` log(pi / pi_old); empty where the completion is masked. */
  logRatios: Float64Array;
}

/**
 * Given a completion, a function that gives the term of each token; `ratio` is that of the token or the
 * completion.
 */
export type Surrogate = (
  completion: CompletionRatios,
  options: LossOptions,
) => (ratio: number, logp: number) => Term;
