import { expect, it } from 'vitest';
import { dashboardNames, plainNames } from '../../../../src/run/trackers/names.js';

it('names evaluations apart from training, those of validation too', () => {
  const row = { step: 4, reward: 0.5, 'eval/accuracy': 0.6, 'val/accuracy': 0.7, kl: NaN };
  expect(dashboardNames(row)).toEqual([
    ['train/reward', 0.5],
    ['eval/accuracy', 0.6],
    ['val/accuracy', 0.7],
  ]);
  expect(plainNames(row)).toEqual([
    ['reward', 0.5],
    ['eval_accuracy', 0.6],
    ['val_accuracy', 0.7],
  ]);
});
