import { expect, it } from 'vitest';
import { wilson } from '../../../src/common/interval.js';

it('gives the 95% Wilson interval', () => {
  // statsmodels: proportion_confint(n, N, method='wilson')
  const close = (correct: number, total: number, low: number, high: number) => {
    expect(wilson(correct, total).low).toBeCloseTo(low, 6);
    expect(wilson(correct, total).high).toBeCloseTo(high, 6);
  };
  close(77, 200, 0.320333, 0.454001);
  close(0, 10, 0, 0.277533);
  close(10, 10, 0.722467, 1);
  expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
});
