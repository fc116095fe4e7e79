/** What the comparisons of `doctor --gpu` find, and what they don't. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { differences, type Differences } from '../../bench/gpu/differences.js';
import { batchOf, subjects, type Subject } from '../../bench/gpu/models.js';
import { BOUNDS } from '../../bench/gpu/parts/float32.js';
import type { DType } from '../../src/engine/types.js';

const open = async ({ open: opened }: Subject, dtype: DType) => {
  const model = await opened('cpu', dtype);
  onTestFinished(() => model.dispose());
  return model;
};

const shares = ({ logits, logps, entropies, worstGradient, gradientNorm, weights }: Differences) => ({
  logits: logits.share,
  logps: logps.share,
  entropies: entropies.share,
  gradients: worstGradient,
  norm: gradientNorm.share,
  weights: weights.largest,
});

describe.each(subjects('small').map((subject) => [subject.name, subject] as const))('%s', (_, subject) => {
  it('differs from itself by nothing, and in bfloat16 by more than float32 may', async () => {
    const reference = await open(subject, 'float32');
    const others = [await open(subject, 'float32'), await open(subject, 'bfloat16')];
    const { temperature } = subject;
    const [same, rounded] = await differences(reference, others, batchOf(reference, 'small'), temperature);
    expect(Object.values(shares(same!))).toEqual([0, 0, 0, 0, 0, 0]);
    // Ten times the bounds, so that TF32, which rounds to three bits more, is beyond them too.
    const found = shares(rounded!);
    for (const forward of [found.logits, found.logps, found.entropies])
      expect(forward).toBeGreaterThan(10 * BOUNDS.forward);
    expect(found.gradients).toBeGreaterThan(10 * BOUNDS.gradients);
    expect(found.weights).toBeGreaterThan(10 * BOUNDS.weights);
  });

  it('differs after one step more', async () => {
    const [reference, other] = [await open(subject, 'float32'), await open(subject, 'float32')];
    const batch = batchOf(reference, 'small');
    const [once] = await differences(reference, [other], batch, 1);
    expect(once!.weights.largest).toBe(0);
    await other.zeroGrad();
    await other.resetOptimizer();
    const [again] = await differences(reference, [other], batch, 1);
    expect(again!.logits.share).toBe(0);
    expect(again!.weights.largest).toBeGreaterThan(BOUNDS.weights);
  });
});
