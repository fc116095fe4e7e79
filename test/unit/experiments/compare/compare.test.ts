import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { curvesSvg } from '../../../../src/ui/svg-chart.js';
import { compareRun, differences } from '../../../../src/experiments/compare/compare.js';
import { comparisonTable, differencesText } from '../../../../src/ui/terminal/compare.js';
import { readRun, type RunRecord } from '../../../../src/run/folder/read.js';
import { codeOf, temporaryFolder } from '../../../support/fixtures.js';

/** Twenty steps whose reward goes up evenly, evaluated before the first and after the 10th and 20th. */
const record = (name: string, changed: Partial<RunRecord> = {}): RunRecord => ({
  path: `/runs/${name}`,
  name,
  config: { model: 'tiny', task: 'arithmetic', preset: null, beta: 0.1, seed: 1 },
  env: undefined,
  forkedFrom: undefined,
  steps: Array.from({ length: 20 }, (_, i) => ({
    step: i + 1,
    reward: -1 + (i + 1) / 10,
    accuracy: (i + 1) / 20,
    kl: 0.01 * (i + 1),
    entropy: 0.5,
    frac_reward_zero_std: 0.25,
    learning_rate: 1e-4,
    step_time: 2,
  })),
  evaluations: [0, 10, 20].map((step) => ({
    step,
    'eval/accuracy': 0.2 + step / 50,
    'eval/accuracy_low': 0.1 + step / 50,
    'eval/accuracy_high': 0.3 + step / 50,
  })),
  diagnoses: [],
  summary: { interrupted: false },
  ...changed,
});

describe('a run, compared', () => {
  it('is what its last tenth and its last evaluation say', () => {
    expect(compareRun(record('a'), 0.35)).toMatchObject({
      run: 'a',
      steps: 20,
      finished: true,
      reward: expect.closeTo(0.95) as number,
      train_accuracy: expect.closeTo(0.975) as number,
      accuracy: expect.closeTo(0.6) as number,
      accuracy_low: expect.closeTo(0.5) as number,
      accuracy_before: 0.2,
      gap: expect.closeTo(0.375) as number,
      kl: expect.closeTo(0.195) as number,
      frac_reward_zero_std: 0.25,
      steps_to_accuracy: 10,
      seconds_to_accuracy: 20,
      seconds: 40,
      seconds_per_step: 2,
    });
  });

  it('says what chose its best weights, and is judged by these where it stands for them', () => {
    const best = { step: 10, loaded: false, validation: { accuracy: 0.7 } };
    const [last, loaded] = [false, true].map((loaded) =>
      compareRun(record('a', { summary: { interrupted: false, best: { ...best, loaded } } }), 0.35),
    );
    expect(last).toMatchObject({ best_step: 10, validation_accuracy: 0.7 });
    expect(last!.accuracy).toBeCloseTo(0.6);
    expect(loaded!.accuracy).toBeCloseTo(0.4);
    expect(compareRun(record('a'), 0.35)).toMatchObject({ best_step: null, validation_accuracy: null });
    const table = stripVTControlCharacters(comparisonTable([last!, compareRun(record('b'), 0.35)], 0.35));
    expect(table).toContain('chosen by');
    expect(table).toContain('70.0% (step 10)');
    expect(comparisonTable([compareRun(record('b'), 0.35)], 0.35)).not.toContain('chosen by');
  });

  it('has no figures that were not measured', () => {
    const bare = record('b', { steps: [], evaluations: [], summary: undefined });
    expect(compareRun(bare, 0.5)).toMatchObject({
      steps: 0,
      finished: false,
      reward: null,
      accuracy: null,
      gap: null,
      kl: null,
      steps_to_accuracy: null,
      seconds: 0,
    });
    expect(compareRun(record('c'), 0.9).steps_to_accuracy).toBeNull();
  });

  it('differs from others in its options', () => {
    const other = record('b', { config: { ...record('a').config, beta: 0, output_dir: 'x' } });
    expect(differences([record('a'), other])).toEqual({ beta: [0.1, 0] });
    expect(differences([record('a'), record('b')])).toEqual({});
  });

  it('is a straight table', () => {
    const runs = [record('a'), record('a-much-longer-name', { summary: undefined })].map((run) =>
      compareRun(run, 0.5),
    );
    const text = stripVTControlCharacters(comparisonTable(runs, 0.5));
    const rows = text.split('\n').filter((line) => /[│┌├└]/.test(line));
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    expect(text).toContain('60.0% [50.0, 70.0]');
    expect(text).toContain('20+');
    expect(text).toContain('the run has not ended');
    expect(differencesText(runs, { beta: [0.1, 0] })).toContain('a: 0.1');
  });

  it('says which run it was forked from, and where', () => {
    const forkedFrom = { run: '/runs/a', checkpoint: 'checkpoint-10', step: 10, changed: [] };
    const records = [
      record('a'),
      record('b', { forkedFrom, config: { ...record('a').config, fork_from: '/runs/a/checkpoint-10' } }),
    ];
    expect(differences(records)).toEqual({});
    const runs = records.map((run) => compareRun(run, 0.5));
    expect(runs.map((run) => [run.forked_from, run.forked_at])).toEqual([
      [null, null],
      ['/runs/a', 10],
    ]);
    expect(stripVTControlCharacters(comparisonTable(runs, 0.5))).toMatch(/│ b .*│ a at 10 +│/);
    expect(comparisonTable(runs.slice(0, 1), 0.5)).not.toContain('forked from');
  });

  it.each([40, 60, 100, 200])('fits %d columns', (width) => {
    const forkedFrom = {
      run: `/runs/${'long'.repeat(20)}`,
      checkpoint: 'checkpoint-10',
      step: 10,
      changed: [],
    };
    const runs = [
      record('a', { forkedFrom }),
      record('runs-of-a-very-long-name-that-nobody-reads', { summary: undefined }),
    ].map((run) => compareRun(run, 0.5));
    const text = `${comparisonTable(runs, 0.5, width)}\n${differencesText(runs, { model: ['x'.repeat(50), 'y'] }, width)}`;
    const lines = stripVTControlCharacters(text).split('\n');
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(width);
    // Nothing is left out.
    expect(lines.join('\n').match(/60\.0% \[50\.0, 70\.0\]/g)).toHaveLength(2);
    for (const title of [
      'steps',
      'reward',
      'held-out',
      'gap',
      'KL',
      'equal',
      'to 50%',
      'time',
      'forked from',
    ])
      expect(lines.join('\n')).toContain(title);
  });

  it('has a picture of its curves', () => {
    const svg = curvesSvg([record('first'), record('second <&>')]);
    expect(svg).toMatch(/^<svg/);
    for (const text of [
      'training reward',
      'held-out accuracy',
      'KL to the reference',
      'first',
      'second &lt;&amp;&gt;',
    ])
      expect(svg).toContain(text);
    // Every curve is drawn: three for each run.
    expect(svg.match(/<path[^>]*fill="none"[^>]*stroke-width="2"/g)!.length).toBeGreaterThanOrEqual(6);
  });

  it('has a fork as a branch: dashed until it leaves the run', () => {
    const dashed = (runs: RunRecord[]) => curvesSvg(runs).match(/<path[^>]*stroke-dasharray[^>]*>/g) ?? [];
    const forkedFrom = { run: '/runs/a', checkpoint: 'checkpoint-10', step: 10, changed: [] };
    expect(dashed([record('a'), record('b')])).toHaveLength(0);
    const branches = dashed([record('a'), record('b', { forkedFrom })]);
    expect(branches).toHaveLength(3);
    expect(branches.every((path) => path.includes('stroke-opacity="0.4"'))).toBe(true);
  });
});

describe('a run folder', () => {
  it('is read as far as it goes', async () => {
    const folder = join(temporaryFolder(), 'run');
    mkdirSync(folder);
    expect(await codeOf(readRun(folder))).toBe('RUN_NOT_FOUND');
    writeFileSync(join(folder, 'config.yaml'), 'model: tiny\ntask: counting\n');
    writeFileSync(
      join(folder, 'metrics.jsonl'),
      '{"step":0,"eval/accuracy":0.25}\n{"step":1,"learning_rate":1e-4,"reward":0.5}\n{"step":2,"lear',
    );
    const run = await readRun(folder);
    expect(run).toMatchObject({ name: 'run', config: { task: 'counting' }, summary: undefined });
    expect(run.steps).toEqual([{ step: 1, learning_rate: 1e-4, reward: 0.5 }]);
    expect(run.evaluations).toEqual([{ step: 0, 'eval/accuracy': 0.25 }]);
    expect(await codeOf(readRun(join(folder, 'nowhere')))).toBe('RUN_NOT_FOUND');
  });
});
