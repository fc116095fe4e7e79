/**
 * Chooses problems that can teach: with a probability proportional to the expectation of p (1 - p) under what is
 * known of p, the probability that the policy answers the problem right.
 *
 * What is known is a Beta posterior, as in MoPPS (Qu et al. 2025, arXiv:2507.04632, section 4), but over exact
 * probabilities in place of counts: a group shows the share `passAt1Low` of the policy's answers to be right and
 * `coverage - passAt1Low` to be wrong; of the rest, which is nearly all where completions are long, its
 * completions are counted. p (1 - p) is the variance of the reward, to which the gradient's size is
 * proportional (Foster and Foerster 2025, arXiv:2502.12272). What was seen counts half after `halfLife` steps,
 * so that problems which were all right or all wrong come back.
 */
import { generator } from '../../common/random.js';
import type { GroupKnowledge } from '../estimators/groups.js';
import type { History } from './types.js';

/** Pseudo-counts that a fully covered group adds: as many as draws of which so much could be told. */
const STRENGTH = 64;
/** Of the uniform prior Beta(1, 1). */
const PRIOR = 1;

/** The history after a group, given the one before. */
export function updated(
  before: History | undefined,
  step: number,
  { coverage, passAt1Low, right, wrong }: GroupKnowledge,
  halfLife: number,
): History {
  const kept = before ? decay(before, step, halfLife) : 0;
  return {
    right: (before?.right ?? 0) * kept + STRENGTH * passAt1Low + (1 - coverage) * right,
    wrong: (before?.wrong ?? 0) * kept + STRENGTH * (coverage - passAt1Low) + (1 - coverage) * wrong,
    step,
  };
}

/**
 * E[p (1 - p)] under Beta(a, b), which is a b / ((a + b) (a + b + 1)): 1/6 where nothing is known, at most 1/4,
 * near 0 where p is known to be near 0 or 1.
 */
export function learnability(history: History | undefined, step: number, halfLife: number): number {
  const kept = history ? decay(history, step, halfLife) : 0;
  const a = PRIOR + (history?.right ?? 0) * kept;
  const b = PRIOR + (history?.wrong ?? 0) * kept;
  return (a * b) / ((a + b) * (a + b + 1));
}

const decay = (history: History, step: number, halfLife: number): number =>
  0.5 ** ((step - history.step) / halfLife);

/**
 * Draws `count` different items, each time with a probability proportional to its weight among those that are
 * left (Efraimidis and Spirakis 2006): the `count` least of e / weight, e being exponentially distributed.
 */
export function drawWeighted(weights: readonly number[], count: number, key: string): number[] {
  const below = generator(key);
  const BITS = 2 ** 30;
  return weights
    .map((weight, item) => ({ item, key: -Math.log((below(BITS) + 0.5) / BITS) / weight }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ item }) => item);
}
