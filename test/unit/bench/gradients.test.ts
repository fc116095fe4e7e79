/** The errors that `bench gradients` tells, on distributions whose errors are known. */
import { describe, expect, it } from 'vitest';
import type { Distribution } from '../../../bench/gradients/distribution.js';
import { errorsOf, WAYS } from '../../../bench/gradients/estimates.js';

const unit = (i: number) => Float64Array.from({ length: 4 }, (_, k) => (k === i ? 1 : 0));
/** Four completions with gradients at right angles. */
const distribution = (probabilities: number[]): Distribution => ({
  prompt: Int32Array.of(1),
  outcomes: probabilities.map((p, y) => ({
    ids: Int32Array.of(5, 10 + y, 0),
    text: String(y),
    logp: Math.log(p),
    logpOfDraws: Math.log(1 / probabilities.length),
  })),
  coverage: 1,
  gradients: probabilities.map((_, y) => unit(y)),
});
const way = (name: string) => WAYS.find((one) => one.name.startsWith(name))!;
const likely = distribution([0.4, 0.3, 0.2, 0.1]);
const REWARDS = [1, -1, -1, -1];

describe('the errors of an estimator', () => {
  it('are those of unbiased draws where the baseline leaves the draw out', () => {
    const errors = errorsOf(likely, REWARDS, way('counts, leave one out'), 4, 4000)!;
    expect(errors.bias).toBeLessThan(0.08);
    expect(errors.variance).toBeGreaterThan(0.3);
  });

  it('shrink as 1 / G in variance', () => {
    const [few, many] = [4, 64].map((G) => errorsOf(likely, REWARDS, way('counts, leave one out'), G, 1000)!);
    expect(few!.variance / many!.variance).toBeGreaterThan(10);
  });

  it('of a group mean are a gradient that is too small by (G - 1) / G', () => {
    const errors = errorsOf(likely, REWARDS, way('counts, group mean'), 4, 4000)!;
    expect(errors.bias).toBeCloseTo(1 / 4, 1);
  });

  it('are nothing where all completions were drawn and weighed exactly', () => {
    const errors = errorsOf(likely, REWARDS, way('exact, draws'), 64, 50)!;
    expect(errors.variance).toBeLessThan(1e-6);
    expect(errors.bias).toBeLessThan(1e-3);
    expect(errors.cosine).toBeCloseTo(1, 6);
    // A shared first token, and one token of each; the last is not forwarded.
    expect(errors.nodes).toBeCloseTo(5, 10);
  });

  it('are less by Rao and Blackwell', () => {
    const ratio = (G: number) =>
      errorsOf(likely, REWARDS, way('Rao-Blackwell'), G, 2000)!.variance /
      errorsOf(likely, REWARDS, way('counts, group mean'), G, 2000)!.variance;
    expect(ratio(16)).toBeLessThan(0.9);
    expect(ratio(64)).toBeLessThan(0.5);
  });

  it('of the most probable completions are what is left out, and no variance', () => {
    const errors = [1, 2, 4].map((G) => errorsOf(likely, REWARDS, way('exact, most probable'), G, 50)!);
    expect(errors.map(({ variance }) => Math.abs(variance) < 1e-12)).toEqual([true, true, true]);
    // One completion has no other to compare with; all of them are the truth.
    expect(errors[0]!.bias).toBeCloseTo(1, 10);
    expect(errors[1]!.bias).toBeGreaterThan(0.1);
    expect(errors[2]!.bias).toBeLessThan(1e-10);
    expect(errors.map(({ nodes }) => nodes)).toEqual([2, 3, 5]);
  });

  it('of draws without replacement are those of what is distinct', () => {
    const four = errorsOf(likely, REWARDS, way('exact, without replacement'), 4, 50)!;
    expect(four.bias).toBeLessThan(1e-10);
    const two = errorsOf(likely, REWARDS, way('exact, without replacement'), 2, 500)!;
    expect(two.nodes).toBeCloseTo(3, 10);
    expect(two.variance).toBeGreaterThan(0);
  });

  it('are not defined where all rewards are equal', () => {
    expect(errorsOf(likely, [1, 1, 1, 1], WAYS[0]!, 4, 10)).toBeUndefined();
  });
});
