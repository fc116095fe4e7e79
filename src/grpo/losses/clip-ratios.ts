/** Metrics of the probability ratios, by TRL's names: how many tokens are clipped. */
import type { CompletionRatios, LossMetrics, LossOptions } from './types.js';

/** A completion with the ratios of its tokens. */
export interface SeenCompletion extends CompletionRatios {
  /** π / π_old of each token that is not masked. */
  ratios: number[];
}

/** What a loss reports of the probability ratios of its completions. */
export type LossTypeMetrics = (completions: SeenCompletion[], options: LossOptions) => Partial<LossMetrics>;

/** The shares of tokens that are clipped below, above, and either way. */
export const clipRatios: LossTypeMetrics = (completions, options) => {
  const { epsilon, epsilonHigh, delta } = options;
  const held = (ratio: number) => (delta === null ? ratio : Math.min(ratio, delta));
  const low = count(completions, (ratio, advantage) => held(ratio) < 1 - epsilon && advantage < 0);
  const high = count(completions, (ratio, advantage) => held(ratio) > 1 + epsilonHigh && advantage > 0);
  const lowMean = mean(low, options);
  const highMean = mean(high, options);
  return {
    'clip_ratio/low_mean': lowMean,
    'clip_ratio/high_mean': highMean,
    'clip_ratio/region_mean': lowMean + highMean,
    ...extremes(shares(low), shares(high)),
  };
};

/** The share of tokens whose ratio is above the bound of cispo. */
export const cispoClipRatio: LossTypeMetrics = (completions, options) => ({
  cispo_clip_ratio: mean(
    count(completions, (ratio, advantage) => ratio > options.epsilonHigh && advantage > 0),
    options,
  ),
});

/** The number of clipped tokens of a completion, and of all its tokens that are not masked. */
interface Count {
  clipped: number;
  tokens: number;
}

const count = (
  completions: SeenCompletion[],
  isClipped: (ratio: number, advantage: number) => boolean,
): Count[] =>
  completions.map(({ ratios, advantage }) => ({
    clipped: ratios.filter((ratio) => isClipped(ratio, advantage)).length,
    tokens: ratios.length,
  }));

/**
 * The clipped share of all tokens; at the sequence level, where a completion has one ratio, of all
 * completions.
 */
function mean(counts: Count[], { importanceSamplingLevel }: LossOptions): number {
  const [parts, total] =
    importanceSamplingLevel === 'sequence'
      ? [shares(counts), counts.length]
      : [counts.map(({ clipped }) => clipped), counts.reduce((sum, { tokens }) => sum + tokens, 0)];
  return parts.reduce((sum, part) => sum + part, 0) / Math.max(1, total);
}

/** The clipped share of each completion that has tokens. */
const shares = (counts: Count[]): number[] =>
  counts.filter(({ tokens }) => tokens > 0).map(({ clipped, tokens }) => clipped / tokens);

/** The least and the greatest share of a completion; absent where no completion has tokens. */
const extremes = (low: number[], high: number[]): Partial<LossMetrics> =>
  low.length === 0
    ? {}
    : { 'clip_ratio/low_min': Math.min(...low), 'clip_ratio/high_max': Math.max(...high) };
