/** A row of a comparison; plain data, for tables and pages. */

/** Of one run, by the names of `--csv` and `--json`. A single step jumps with its few prompts: means of the last tenth. */
export interface ComparedRun {
  run: string;
  preset: string | null;
  model: string;
  task: string;
  steps: number;
  /** Whether it went to its end. */
  finished: boolean;
  reward: number | null;
  /** Share of the sampled training completions that are right. */
  train_accuracy: number | null;
  /** On held-out problems, at the last evaluation. */
  accuracy: number | null;
  accuracy_low: number | null;
  accuracy_high: number | null;
  accuracy_before: number | null;
  /** Training accuracy less held-out accuracy: what was learned by heart. */
  gap: number | null;
  kl: number | null;
  entropy: number | null;
  frac_reward_zero_std: number | null;
  /** First evaluation that reached the accuracy asked about. */
  steps_to_accuracy: number | null;
  seconds_to_accuracy: number | null;
  seconds: number;
  seconds_per_step: number | null;
}
