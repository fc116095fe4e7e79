/** What the comparisons of `doctor --gpu` find, and what they don't. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { differences, type Differences } from '../../bench/gpu/differences.js';
import { batchOf, subjects, type Subject } from '../../bench/gpu/models.js';
import { BOUNDS } from '../../bench/gpu/parts/float32.js';
import type { DType } from '../../src/engine/types.js';
import { DEVICE, ON_CPU } from '../support/device.js';

const open = async ({ open: opened }: Subject, device: string, dtype: DType) => {
  const model = await opened(device, dtype);
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

/** On the CPU to the bit, on another device within its bounds. */
function expectSame(found: Differences): void {
  const { forward, gradients, norm, weights } = BOUNDS;
  const bounds = { logits: forward, logps: forward, entropies: forward, gradients, norm, weights };
  for (const [name, share] of Object.entries(shares(found)))
    expect(share, name).toBeLessThanOrEqual(ON_CPU ? 0 : bounds[name as keyof typeof bounds]);
}

describe.each(subjects('small').map((subject) => [subject.name, subject] as const))('%s', (_, subject) => {
  it('differs by nothing from the same on the CPU, and in bfloat16 by more than float32 may', async () => {
    const reference = await open(subject, 'cpu', 'float32');
    const others = [await open(subject, DEVICE, 'float32'), await open(subject, DEVICE, 'bfloat16')];
    const { temperature } = subject;
    const [same, rounded] = await differences(reference, others, batchOf(reference, 'small'), temperature);
    expectSame(same!);
    const found = shares(rounded!);
    // Ten times the bounds, so that TF32, which rounds to three bits more, is beyond them too. (How far the
    // few log-probs and entropies of a batch are off differs between versions of libtorch by a factor of two.)
    expect(found.logits).toBeGreaterThan(10 * BOUNDS.forward);
    expect(Math.min(found.logps, found.entropies)).toBeGreaterThan(BOUNDS.forward);
    expect(found.gradients).toBeGreaterThan(10 * BOUNDS.gradients);
    expect(found.weights).toBeGreaterThan(10 * BOUNDS.weights);
  });

  it('differs where the moments of AdamW do', async () => {
    const [reference, other] = [
      await open(subject, 'cpu', 'float32'),
      await open(subject, DEVICE, 'float32'),
    ];
    const batch = batchOf(reference, 'small');
    const [once] = await differences(reference, [other], batch, 1);
    expectSame(once!);
    await other.zeroGrad();
    await other.resetOptimizer();
    const [again] = await differences(reference, [other], batch, 1);
    expect(again!.logits.share).toBeLessThan(BOUNDS.forward);
    expect(again!.weights.largest).toBeGreaterThan(BOUNDS.weights);
  });
});
