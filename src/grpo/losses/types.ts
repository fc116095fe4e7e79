/** What a loss is given and what it gives back. Tokens of all completions lie one after another. */

/** TRL's `loss_type`s: GRPO and its family. */
export const LOSS_TYPES = ['grpo', 'dr_grpo', 'bnpo', 'dapo', 'cispo', 'sapo', 'luspo', 'vespo'] as const;
export type LossType = (typeof LOSS_TYPES)[number];

export const IMPORTANCE_SAMPLING_LEVELS = ['token', 'sequence'] as const;
export type ImportanceSamplingLevel = (typeof IMPORTANCE_SAMPLING_LEVELS)[number];

/** Options of a run that its loss reads. */
export interface LossOptions {
  lossType: LossType;
  /** Whose ratio pi / pi_old counts: each token's own, or its completion's (GSPO). */
  importanceSamplingLevel: ImportanceSamplingLevel;
  /** Weight of the KL penalty. */
  beta: number;
  /** Clip range below 1. */
  epsilon: number;
  /** Clip range above 1; of cispo the greatest ratio itself. */
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
  /** Share of the tokens, those of the highest entropy, that the policy term learns from. */
  topEntropyQuantile: number;
  /** Completions of negative advantage that the policy has left by more than this are left out; null: none. */
  offPolicyMaskThreshold: number | null;
  /** Multiplies the KL by the ratio, which makes its gradient unbiased (on by default in later TRL). */
  useBiasCorrectionKl: boolean;
  maxCompletionLength: number;
  /** The loss is one of this many micro-batches whose gradients are summed. */
  gradientAccumulationSteps: number;
}

/** The completions that a loss is taken of: a micro-batch of a step. */
export interface LossInput {
  /** `[tokens]` log pi, nats. */
  logps: ArrayLike<number>;
  /** `[tokens]` log pi_old; null where the policy is the one that sampled (ratio 1). */
  oldLogps: ArrayLike<number> | null;
  /** `[tokens]` log pi of the reference model; null when beta is 0. */
  refLogps: ArrayLike<number> | null;
  /** `[tokens]` nats. */
  entropies: ArrayLike<number>;
  /** `[completions]` tokens of each. */
  lengths: ArrayLike<number>;
  /** `[completions]` */
  advantages: ArrayLike<number>;
  /** `[completions]` those that the loss leaves out (`mask_truncated_completions`); null: none. */
  masked?: ArrayLike<boolean> | null;
  /** Tokens of the optimiser step that are not masked, all micro-batches together. */
  tokensInStep: number;
}

/** Means over the completion tokens, by TRL's names; which of the ratios' there are, the loss type decides. */
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
  /** `[tokens]` dL / dlog pi. */
  dLogps: Float32Array;
  /** `[tokens]` dL / dentropy; null where the loss has no entropy term. */
  dEntropies: Float32Array | null;
  metrics: LossMetrics;
  /** Entropies of the tokens that an entropy bonus acts on. */
  entropyActedOn: { sum: number; tokens: number };
}

/** A loss: pure, from log-probs to a number and its derivatives, which the engine back-propagates. */
export type LossFunction = (input: LossInput, options: LossOptions) => LossResult;

/** What one token adds to the loss, before it is weighted. */
export interface Term {
  value: number;
  /** With respect to the log of the ratio, which moves with log pi of its own token, or of all of a completion. */
  byLogRatio: number;
  /** With respect to log pi where it stands outside a ratio. */
  byLogp: number;
}

/** A completion as a surrogate sees it. */
export interface CompletionRatios {
  advantage: number;
  /** `[tokens]` log(pi / pi_old); empty where the completion is masked. */
  logRatios: Float64Array;
}

/** Given a completion, what each of its tokens adds; `ratio` is the token's or the completion's own. */
export type Surrogate = (
  completion: CompletionRatios,
  options: LossOptions,
) => (ratio: number, logp: number) => Term;
