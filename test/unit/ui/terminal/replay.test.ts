import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import type { Replay } from '../../../../src/run/replay.js';
import { csvRows, jsonLine, replayTable } from '../../../../src/ui/terminal/replay.js';

const replay = (steps: number): Replay => ({
  weightsStep: 40,
  losses: ['grpo', 'dapo'],
  interrupted: false,
  steps: Array.from({ length: steps }, (_, i) => ({
    step: i + 1,
    completions: 64,
    tokens: 200,
    losses: [
      { lossType: 'grpo', loss: i, gradNorm: 2 * i, cosines: [1, i === 0 ? null : 0.5] },
      { lossType: 'dapo', loss: -i, gradNorm: i, cosines: [i === 0 ? null : 0.5, 1] },
    ],
  })),
});

describe('a replay', () => {
  it('is a table with means, of cosines over the steps that have one', () => {
    const text = stripVTControlCharacters(replayTable(replay(3)));
    const rows = text.split('\n').filter((row) => row.startsWith('│'));
    expect(rows).toHaveLength(1 + 3 * 2 + 2);
    expect(rows.at(-2)).toMatch(/mean │ grpo +│ +1\.000 │ +2\.000 │ +1\.000 │ +0\.500 │/);
    expect(rows[1]).toMatch(/1 │ grpo .* - │$/);
    expect(new Set(rows.map((row) => stringWidth(row))).size).toBe(1);
  });

  it('of many steps shows their means alone, and fits the terminal', () => {
    const text = stripVTControlCharacters(replayTable(replay(50), 60));
    const lines = text.split('\n');
    expect(lines.filter((row) => row.startsWith('│'))).toHaveLength(3);
    expect(text).toContain('each step: --csv or --json');
    expect(text).toContain('cosines to grpo alone');
    expect(Math.max(...lines.map((row) => stringWidth(row)))).toBeLessThanOrEqual(60);
  });

  it('is a row a step and loss as CSV, and a line a step as JSON', () => {
    expect(csvRows(replay(2))[2]).toEqual({
      step: 2,
      completions: 64,
      tokens: 200,
      loss_type: 'grpo',
      loss: 1,
      grad_norm: 2,
      'cosine/grpo': 1,
      'cosine/dapo': 0.5,
    });
    expect(jsonLine(replay(2).steps[1]!)).toMatchObject({
      step: 2,
      losses: { dapo: { loss: -1, grad_norm: 1, cosine: { grpo: 0.5, dapo: 1 } } },
    });
  });
});
