/** Sums and means over the steps of a run, for its summary. */
import type { Metrics } from '../grpo/metrics.js';
import type { TrainSummary } from './events.js';

const PHASES = ['sample', 'reward', 'reference', 'train', 'optimizer'] as const;

export class Tally {
  readonly #phases = { sample: 0, reward: 0, reference: 0, train: 0, optimizer: 0 };
  readonly #steps: Metrics[] = [];
  #sampled = 0;
  #computed = 0;
  #seconds = 0;

  /**
   * @param metrics of a step, as it is taken or as it was logged (then with the evaluation that followed it)
   */
  add(metrics: Metrics): void {
    for (const phase of PHASES) this.#phases[phase] += metrics[`time/${phase}`] ?? 0;
    this.#steps.push(withoutEvaluation(metrics));
    this.#sampled += metrics['tokens/sampled'] ?? 0;
    this.#computed += metrics['tokens/computed'] ?? 0;
    this.#seconds += metrics.step_time ?? 0;
  }

  #informativeSteps(): number | undefined {
    const shares = this.#steps
      .map((step) => step.frac_informative_groups)
      .filter((share) => share !== undefined);
    return mean(shares.map((share) => (share > 0 ? 1 : 0)));
  }

  /** First and last rewards and metrics are means over the first and the last tenth of the steps. */
  summary(): Pick<
    TrainSummary,
    | 'rewardFirst'
    | 'rewardLast'
    | 'metricsLast'
    | 'trainAccuracyLast'
    | 'fracInformativeSteps'
    | 'phases'
    | 'tokensSampledPerSecond'
    | 'tokensComputedPerSecond'
  > {
    const tenth = Math.max(1, Math.round(this.#steps.length / 10));
    const metricsLast = means(this.#steps.slice(-tenth));
    return {
      rewardFirst: means(this.#steps.slice(0, tenth)).reward,
      rewardLast: metricsLast.reward,
      metricsLast,
      trainAccuracyLast: metricsLast.accuracy,
      fracInformativeSteps: this.#informativeSteps(),
      phases: { ...this.#phases },
      tokensSampledPerSecond: this.#phases.sample > 0 ? this.#sampled / this.#phases.sample : 0,
      tokensComputedPerSecond: this.#seconds > 0 ? this.#computed / this.#seconds : 0,
    };
  }
}

const withoutEvaluation = (metrics: Metrics): Metrics =>
  Object.fromEntries(Object.entries(metrics).filter(([name]) => !/^(eval|val)\//.test(name))) as Metrics;

/** The mean of each metric over the steps that have it. */
function means(steps: Metrics[]): Partial<Metrics> {
  const names = new Set(steps.flatMap((metrics) => Object.keys(metrics) as (keyof Metrics)[]));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      mean(steps.map((metrics) => metrics[name]).filter(Number.isFinite) as number[]),
    ]),
  );
}

function mean(values: number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
