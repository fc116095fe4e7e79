/**
 * The metrics of a step: TRL's by TRL's names, the seconds of each phase, and the tokens that were computed.
 */

/**
 * Names of the metrics, and the columns of `metrics.csv` in their order. docs/metrics.md has formula and unit
 * of each. Later versions append.
 */
export const METRIC_COLUMNS = [
  'step', // optimiser steps taken
  'epoch',
  'loss',
  'reward', // mean over the step's completions
  'reward_std', // standard deviation over the step's completions
  'frac_reward_zero_std', // groups whose rewards are all equal: nothing to learn from
  'kl', // to the reference model (beta > 0): mean over completion tokens, nats
  'entropy', // mean over completion tokens, nats
  'grad_norm', // before clipping
  'learning_rate',
  'completions/mean_length',
  'completions/min_length',
  'completions/max_length',
  'completions/clipped_ratio', // ended by max_completion_length
  'clip_ratio/low_mean',
  'clip_ratio/low_min',
  'clip_ratio/high_mean',
  'clip_ratio/high_max',
  'clip_ratio/region_mean',
  'num_tokens', // prompt and completion tokens since the start, as TRL counts them
  'step_time', // seconds
  'time/sample',
  'time/reward',
  'time/reference',
  'time/train',
  'time/optimizer',
  'tokens/sampled', // completion tokens of the step
  'tokens/computed', // distinct tokens forwarded: sampling, reference and training
  'eval/accuracy',
  'eval/accuracy_low', // 95% Wilson interval
  'eval/accuracy_high',
  'accuracy', // share of the step's completions that are right
  'policy_loss', // without the entropy bonus, where there is one
  'entropy_coef', // its weight
  'cispo_clip_ratio',
  'vespo/phi_seq_mean',
  'nonfinite', // 1: loss or gradient norm was NaN or infinite, and the step was not applied
  'parts', // number of parts that sampling or learning was split into because memory ran out
  'time/save', // seconds that the run has waited for a checkpoint since the step before
  'frac_all_right', // groups without spread whose completions are all right: nothing left to learn
  'frac_same_answer', // how often answers to different prompts agree, beyond the right answers; 1: always
  'coverage', // share of the policy that a group's distinct completions make up, mean over groups
  'pass_at_1_low', // exact bounds on how often the policy answers right, mean over groups
  'pass_at_1_high',
  'frac_informative_groups', // groups with something to learn from
  'frac_problems_seen', // training problems that were sampled for at least once
] as const;

/**
 * Names of metrics in runs with several reward functions (`rewards/NAME/mean`, `rewards/NAME/std`) or several
 * tasks (`eval/TASK/accuracy`), and in those that choose their best weights by validation problems (`val/...`).
 */
export type RunMetricName =
  | `rewards/${string}/mean`
  | `rewards/${string}/std`
  | `eval/${string}/${string}`
  | `val/${'accuracy' | 'accuracy_low' | 'accuracy_high' | 'reward'}`;
/** Name of a metric. */
export type MetricName = (typeof METRIC_COLUMNS)[number] | RunMetricName;
/** Metrics of one optimiser step; what was not measured is left out. */
export type Metrics = Partial<Record<MetricName, number>> & {
  /** Optimiser steps taken, this one included. */
  step: number;
};

/** Whether a metric is a time, which differs between two runs of the same seed. */
export const isTime = (name: string): boolean => name === 'step_time' || name.startsWith('time/');
