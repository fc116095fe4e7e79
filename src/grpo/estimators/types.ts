/**
 * Types of the estimators: how much each drawn completion counts in the gradient
 *
 *   grad J  =  sum over completions y of  pi(y) (r(y) - b) grad log pi(y)
 *
 * GRPO estimates it by counting: a completion that was drawn n times of G has the weight n / G. The token tree
 * knows pi(y) itself.
 */

export const ESTIMATORS = ['counts', 'rao_blackwell', 'exact'] as const;
/** How drawn completions are weighted: by how often they were drawn, or by their exact probabilities. */
export type EstimatorName = (typeof ESTIMATORS)[number];

/** Completions that were sampled together, group after group, with what is known of their probabilities. */
export interface DrawnGroups {
  /** Completions of a group (G). */
  numGenerations: number;
  /** `[completions]` log π(y), nats: the sum over its tokens, at the temperature that the policy is trained at. */
  logps: Float64Array;
  /** `[completions]` position of the first completion of the same group that has the same tokens. */
  first: Int32Array;
}

/**
 * The weights of completions. Pure. The mean over a group of weight times f(y) estimates E[f(y)] under π.
 *
 * @returns `[completions]` 1 for each where they are counted; equal completions of a group have equal weights
 */
export type Estimator = (groups: DrawnGroups) => Float64Array;
