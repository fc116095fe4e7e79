import { describe, expect, it } from 'vitest';
import type { GradientsReport } from '../../../bench/gradients/index.js';
import { gradientsSvg } from '../../../bench/gradients/picture.js';

const row = (way: string, draws: number, nodes: number) => ({
  way,
  draws,
  nodes,
  bias: 0.1,
  variance: 1 / draws,
  cosine: 1 - 1 / draws,
});
const report = (rows: GradientsReport['rows']): GradientsReport => ({
  model: 'tiny',
  prompts: 20,
  informative: 19,
  seeds: 200,
  temperature: 0.7,
  sampling_temperature: 1,
  coverage: 0.999,
  outcomes: 165,
  rows,
});
const lines = (svg: string) => svg.match(/<path[^>]*fill="none"[^>]*stroke-width="2"[^>]*>/g) ?? [];

describe('the picture of bench gradients', () => {
  it('has a line for each estimator in each panel, and says what it is of', () => {
    const ways = ['counts, group mean (GRPO)', 'exact, draws <at> 1.0'];
    const svg = gradientsSvg(report(ways.flatMap((way) => [row(way, 4, 4.3), row(way, 64, 13.5)])));
    expect(svg).toMatch(/^<svg/);
    for (const text of [
      'tiny, 19 problems, temperature 0.7; points from left to right: 4, 64 draws',
      'bias² + variance',
      'cosine',
      'counts, group mean (GRPO)',
      'exact, draws &lt;at&gt; 1.0',
    ])
      expect(svg).toContain(text);
    expect(lines(svg)).toHaveLength(2 * ways.length);
    expect(svg).not.toContain('NaN');
  });

  it('tells more estimators apart than there are colours', () => {
    const ways = Array.from({ length: 12 }, (_, i) => `way ${i + 1}`);
    const svg = gradientsSvg(report(ways.flatMap((way) => [row(way, 4, 4), row(way, 8, 7)])));
    const looks = lines(svg).map((line) =>
      [/stroke="[^"]*"/.exec(line)![0], line.includes('stroke-dasharray')].join(),
    );
    expect(new Set(looks).size).toBe(12);
  });
});
