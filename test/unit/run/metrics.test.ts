import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/paths.js';
import { METRIC_COLUMNS } from '../../../src/run/metrics.js';

describe('docs/metrics.md', () => {
  const text = readFileSync(join(packageRoot(), 'docs', 'metrics.md'), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

  it('has every column of metrics.csv, in its order, and no other', () => {
    const ofSomeRuns = [
      'rewards/NAME/mean',
      'rewards/NAME/std',
      'eval/TASK/accuracy',
      'eval/TASK/accuracy_low',
      'eval/TASK/accuracy_high',
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
