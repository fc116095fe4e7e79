import { describe, expect, it } from 'vitest';
import { Curves } from '../../../../src/ui/server/curves.js';

const filled = (steps: number, most: number) => {
  const curves = new Curves(most);
  for (let step = 1; step <= steps; step++) curves.add({ step, reward: step, ...(step % 2 && { kl: 1 }) });
  return curves;
};

describe('curves', () => {
  it('keep every step while there is room', () => {
    expect(filled(4, 4).data()).toEqual({
      per: 1,
      steps: [1, 2, 3, 4],
      columns: { reward: [1, 2, 3, 4], kl: [1, null, 1, null] },
    });
  });

  it('become means of neighbours beyond it', () => {
    expect(filled(6, 4).data()).toEqual({
      per: 2,
      steps: [2, 4, 6],
      columns: { reward: [1.5, 3.5, 5.5], kl: [1, 1, 1] },
    });
  });

  it('never have more points than asked for, and each keeps the mean of its steps', () => {
    const { per, steps, columns } = filled(10_000, 100).data();
    expect(per).toBe(128);
    expect(steps.length).toBeLessThanOrEqual(100);
    expect(steps.at(-1)).toBe(10_000);
    steps.slice(0, -1).forEach((last, i) => expect(columns.reward![i]).toBeCloseTo(last - (per - 1) / 2, 0));
  });

  it('go on where what was sent ends', () => {
    const first = filled(64, 64);
    const second = Curves.from(first.data(), 64);
    for (const curves of [first, second])
      for (let step = 65; step <= 300; step++) curves.add({ step, reward: step });
    expect(second.data().steps).toEqual(first.data().steps);
    expect(second.data().columns.reward).toEqual(first.data().columns.reward);
  });

  it('leave out what is no number', () => {
    const curves = new Curves();
    curves.add({ step: 1, reward: Number.NaN, kl: 1, note: 'text' });
    expect(curves.data().columns).toEqual({ kl: [1] });
  });
});
