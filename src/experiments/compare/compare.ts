/** Compares the results of several runs. Pure functions over what was read from the run folders. */
import type { RunRecord } from '../../run/folder/read.js';
import type { MetricName, Metrics } from '../../grpo/metrics.js';
import type { ComparedRun } from './compared.js';

export type { ComparedRun } from './compared.js';

/** @param target held-out accuracy, 0 to 1, that `steps_to_accuracy` is about */
export function compareRun(
  { name, config, forkedFrom, steps, evaluations, summary }: RunRecord,
  target: number,
): ComparedRun {
  const tenth = steps.slice(-Math.max(1, Math.round(steps.length / 10)));
  const best = summary?.best as
    { step: number; loaded: boolean; validation: { accuracy: number } } | undefined;
  const last = evaluations.findLast(({ step }) => step > 0 && (!best?.loaded || step === best.step));
  const reached = evaluations.find((row) => row['eval/accuracy']! >= target);
  const trained = meanOf(tenth, 'accuracy');
  const held = last?.['eval/accuracy'] ?? null;
  return {
    run: name,
    preset: (config.preset as string | null | undefined) ?? null,
    model: String(config.model),
    task: subjectOf(config),
    steps: steps.at(-1)?.step ?? 0,
    finished: summary !== undefined && summary.interrupted === false,
    reward: meanOf(tenth, 'reward'),
    train_accuracy: trained,
    accuracy: held,
    accuracy_low: last?.['eval/accuracy_low'] ?? null,
    accuracy_high: last?.['eval/accuracy_high'] ?? null,
    accuracy_before: evaluations.find(({ step }) => step === 0)?.['eval/accuracy'] ?? null,
    gap: trained !== null && held !== null ? trained - held : null,
    kl: meanOf(tenth, 'kl'),
    entropy: meanOf(tenth, 'entropy'),
    frac_reward_zero_std: meanOf(tenth, 'frac_reward_zero_std'),
    steps_to_accuracy: reached?.step ?? null,
    seconds_to_accuracy: reached ? secondsUntil(steps, reached.step) : null,
    seconds: secondsUntil(steps, Infinity),
    seconds_per_step: median(steps.map(({ step_time }) => step_time).filter((time) => time !== undefined)),
    best_step: best?.step ?? null,
    validation_accuracy: best?.validation.accuracy ?? null,
    forked_from: forkedFrom?.run ?? null,
    forked_at: forkedFrom?.step ?? null,
  };
}

/** The task of a run, or its dataset. */
const subjectOf = ({ task, dataset_name: dataset }: Record<string, unknown>): string =>
  (dataset ?? null) === null ? String(task) : [dataset].flat().join(', ');

/** Total seconds of the steps up to step `last`. */
const secondsUntil = (steps: Metrics[], last: number): number =>
  steps.filter(({ step }) => step <= last).reduce((sum, { step_time = 0 }) => sum + step_time, 0);

/** Mean of a metric over the steps that have it; null if none has. */
function meanOf(steps: Metrics[], name: MetricName): number | null {
  const values = steps.map((metrics) => metrics[name]).filter((value) => typeof value === 'number');
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

function median(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** Options in which the runs differ, with each one's value. */
export function differences(runs: RunRecord[]): Record<string, unknown[]> {
  const names = [...new Set(runs.flatMap(({ config }) => Object.keys(config)))];
  const relevant = names.filter((name) => !['output_dir', 'resume', 'preset', 'fork_from'].includes(name));
  return Object.fromEntries(
    relevant
      .map((name) => [name, runs.map(({ config }) => config[name] ?? null)] as const)
      .filter(([, values]) => new Set(values.map((value) => JSON.stringify(value))).size > 1),
  );
}
