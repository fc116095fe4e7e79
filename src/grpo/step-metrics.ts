/** The metrics of a step, by TRL's names. */
import type { NamedReward } from '../data/rewards/types.js';
import { mean, standardDeviation, weightedDeviation, weightedMean } from './advantages/statistics.js';
import { groupMetrics, knowledgeMetrics } from './group-metrics.js';
import type { Learned } from './learn.js';
import type { MetricName, Metrics } from './metrics.js';
import type { GrpoOptions } from './options.js';
import { sampledTokens, trlTokens, type Rollout } from './rollout.js';

/**
 * What a step reports of the completions that it learned from. Means are over completions; where these were not
 * drawn independently, so that how often one comes says nothing, by the estimator's weights.
 */
export function stepMetrics(
  step: number,
  rollout: Rollout,
  learned: Learned,
  rewards: readonly NamedReward[],
  { numGenerations, samplingMethod }: Pick<GrpoOptions, 'numGenerations' | 'samplingMethod'>,
): Metrics {
  const { completions, advantages } = rollout;
  const lengths = completions.map(({ length }) => length);
  const weights = samplingMethod === 'independent' ? null : advantages.weights;
  const meanOf = (of: (completion: Rollout['completions'][number]) => number) =>
    weights
      ? weightedMean(Float64Array.from(completions, of), weights)
      : mean(Float64Array.from(completions, of));
  const share = (of: (completion: Rollout['completions'][number]) => boolean) =>
    meanOf((completion) => Number(of(completion)));
  return {
    step,
    ...finite({ loss: learned.loss, grad_norm: learned.gradNorm }),
    ...rewardMetrics(advantages.rewards, weights, 'reward', 'reward_std'),
    frac_reward_zero_std: advantages.flat.filter(Boolean).length / advantages.flat.length,
    ...groupMetrics(rollout, numGenerations),
    ...knowledgeMetrics(rollout, numGenerations),
    ...learned.metrics,
    'completions/mean_length': meanOf(({ length }) => length),
    'completions/min_length': Math.min(...lengths),
    'completions/max_length': Math.max(...lengths),
    'completions/clipped_ratio': share(({ ended }) => ended === 'length'),
    accuracy: share(({ correct }) => correct),
    ...(rewards.length > 1 && ofEachReward(rewards, completions, weights)),
    'time/train': learned.seconds.train,
    'time/optimizer': learned.seconds.optimizer,
  };
}

/** Those metrics that are finite numbers. */
const finite = (metrics: Partial<Metrics>): Partial<Metrics> =>
  Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));

/** Tokens and seconds of the rollout that the step began with; of all of it, however many steps learn from it. */
export function rolloutCosts(rollout: Rollout, learned: Learned): Partial<Metrics> {
  return {
    num_tokens: trlTokens(rollout),
    'time/sample': rollout.seconds.sample,
    'time/reward': rollout.seconds.reward,
    'time/reference': rollout.seconds.reference,
    'tokens/sampled': sampledTokens(rollout),
    'tokens/computed': learned.computed + rollout.computed,
  };
}

/** Columns of each reward function, where there are several. */
export const rewardColumns = (name: string) => [`rewards/${name}/mean`, `rewards/${name}/std`] as const;

function ofEachReward(
  rewards: readonly NamedReward[],
  completions: Rollout['completions'],
  weights: Float64Array | null,
): Partial<Metrics> {
  const all: Partial<Metrics> = {};
  rewards.forEach(({ name }, k) => {
    const values = Float64Array.from(completions, ({ rewards: own }) => own[k]!);
    Object.assign(all, rewardMetrics(values, weights, ...rewardColumns(name)));
  });
  return all;
}

/** Mean and standard deviation; absent where the functions had nothing to say of any completion. */
function rewardMetrics(
  values: Float64Array,
  weights: Float64Array | null,
  ofMean: MetricName,
  ofDeviation: MetricName,
): Partial<Metrics> {
  if (values.every(Number.isNaN)) return {};
  return weights
    ? { [ofMean]: weightedMean(values, weights), [ofDeviation]: weightedDeviation(values, weights) }
    : { [ofMean]: mean(values), [ofDeviation]: standardDeviation(values) };
}
