/** A row of a comparison of runs, as plain data for tables and pages. */

/**
 * The figures of a run, by their names in `--csv` and `--json`. Metrics of training are means over the last
 * tenth of the steps: those of a single step vary too much, since a step has few prompts.
 */
export interface ComparedRun {
  run: string;
  preset: string | null;
  model: string;
  task: string;
  steps: number;
  /** Whether the run reached its last step. */
  finished: boolean;
  reward: number | null;
  /** Share of sampled training completions that are right. */
  train_accuracy: number | null;
  /** On held-out problems, at the last evaluation; of a run with `load_best_model_at_end` at its best one. */
  accuracy: number | null;
  accuracy_low: number | null;
  accuracy_high: number | null;
  accuracy_before: number | null;
  /** Training accuracy minus held-out accuracy, a measure of overfitting. */
  gap: number | null;
  kl: number | null;
  entropy: number | null;
  frac_reward_zero_std: number | null;
  /** Step of the first evaluation that reached the target accuracy. */
  steps_to_accuracy: number | null;
  seconds_to_accuracy: number | null;
  seconds: number;
  seconds_per_step: number | null;
  /** Step of the best weights, in a run that chooses them by validation problems. */
  best_step: number | null;
  /** Accuracy on validation problems there, which chose them: too high to tell how good they are. */
  validation_accuracy: number | null;
  /** Folder of the run that it was forked from; null: it was not. */
  forked_from: string | null;
  /** The step that it was forked after: until then the figures are those of that run. */
  forked_at: number | null;
}
