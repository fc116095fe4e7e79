import { describe, expect, it } from 'vitest';
import { METRIC_COLUMNS } from '../../../../src/grpo/metrics.js';
import { documented } from '../../../support/docs.js';

describe('docs/metrics.md', () => {
  const rows = documented('metrics.md');

  it('has every column of metrics.csv, in its order, and no other', () => {
    const ofSomeRuns = [
      'rewards/NAME/mean',
      'rewards/NAME/std',
      'eval/rewards/NAME/mean',
      'eval/TASK/accuracy',
      'eval/TASK/accuracy_low',
      'eval/TASK/accuracy_high',
      'val/accuracy',
      'val/accuracy_low',
      'val/accuracy_high',
      'val/reward',
    ];
    expect(rows.map(([name]) => name)).toEqual(
      [...METRIC_COLUMNS, ...ofSomeRuns].map((name) => `\`${name}\``),
    );
  });

  it('says of each how it is computed', () => {
    for (const [name, formula] of rows) expect(formula, name).toMatch(/\w{3}/);
    expect(new Set(rows.map((cells) => cells.length))).toEqual(new Set([4]));
  });
});
