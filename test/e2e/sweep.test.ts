/** Presets, sweeps and comparisons as a person calls them. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

/** Seconds, not minutes. */
const SHORT = ['--model', 'tiny', '--max-steps', '4', '--eval-samples', '20', '--threads', '1'];

describe('presets', () => {
  it('are listed, as text and as JSON', async () => {
    const { code, stdout, seconds } = await cli(['presets']);
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(2);
    expect(stdout).toContain('arithmetic-no-kl');
    expect(stdout).toContain('journal: collapse to -1');
    const json = JSON.parse((await cli(['presets', '--json', '--model', 'tiny'])).stdout) as {
      name: string;
      journal?: string;
      measured?: string;
      options: Record<string, unknown>;
    }[];
    expect(json.filter(({ journal }) => journal !== undefined)).toHaveLength(23);
    expect(json.filter(({ measured }) => measured !== undefined).map(({ name }) => name)).toContain(
      'beyond-mixed',
    );
    expect(json[0]).toMatchObject({ name: 'arithmetic-baseline', options: { learning_rate: 5e-4 } });
  });

  it('are refused with the name that was meant', async () => {
    for (const args of [
      ['presets', 'mixd'],
      ['train', '--preset', 'mixd'],
    ]) {
      const { code, stderr } = await cli(args);
      expect(code).toBe(2);
      expect(stderr).toContain('PRESET_NOT_FOUND');
      expect(stderr).toContain('did you mean mixed?');
    }
  });

  it('go on from the run of another', async () => {
    const cwd = temporaryFolder();
    const refused = await cli(['train', '--preset', 'mixed-extended', ...SHORT], { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('INIT_FROM');
    expect(existsSync(join(cwd, 'runs'))).toBe(false);

    expect((await cli(['train', '--preset', 'mixed', ...SHORT], { cwd })).code).toBe(0);
    const extended = await cli(['train', '--preset', 'mixed-extended', ...SHORT], { cwd });
    expect({ code: extended.code, stderr: extended.stderr }).toEqual({ code: 0, stderr: '' });
    const metrics = readFileSync(join(cwd, 'runs/tiny-mixed-extended/metrics.csv'), 'utf8');
    // Accuracy of each task of the mixture.
    for (const task of ['arithmetic', 'counting', 'comparison'])
      expect(metrics).toContain(`eval/${task}/accuracy`);
    const accuracies = (run: string) =>
      readFileSync(join(cwd, run, 'metrics.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as Record<string, number>)['eval/accuracy'])
        .filter((accuracy) => accuracy !== undefined);
    expect(accuracies('runs/tiny-mixed-extended')[0]).toBe(accuracies('runs/tiny-mixed').at(-1));
    const env = JSON.parse(readFileSync(join(cwd, 'runs/tiny-mixed-extended/env.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(env.init_from).toMatchObject({ path: join(cwd, 'runs/tiny-mixed/final') });
  });
});

describe('a sweep', () => {
  it('runs a grid, goes on where it was broken off, and ends with a comparison', async () => {
    const cwd = temporaryFolder();
    const args = ['sweep', ...SHORT, '--preset', 'arithmetic-baseline', '--beta', '0', '--beta', '0.1'];
    const dry = await cli([...args, '--dry-run'], { cwd });
    expect(dry.stdout.trim().split('\n')).toHaveLength(2);
    expect(dry.stdout).toContain('arithmetic-baseline-beta0.1 (new)');
    expect(existsSync(join(cwd, 'runs'))).toBe(false);

    const first = await cli([...args, '--output-dir', 'out'], { cwd });
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
    expect(first.stdout).toContain('1 of 2: arithmetic-baseline-beta0');
    expect(first.stdout).toMatch(/│ arithmetic-baseline-beta0\.1 +│ +4 │/);
    const final = join(cwd, 'out/arithmetic-baseline-beta0/final/model.safetensors');
    const written = statSync(final).mtimeMs;

    // One of them is lost; the other is not repeated.
    rmSync(join(cwd, 'out/arithmetic-baseline-beta0.1'), { recursive: true });
    const second = await cli([...args, '--output-dir', 'out'], { cwd });
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('arithmetic-baseline-beta0, done already');
    expect(statSync(final).mtimeMs).toBe(written);
    expect(existsSync(join(cwd, 'out/arithmetic-baseline-beta0.1/final'))).toBe(true);

    const runs = ['out/arithmetic-baseline-beta0', 'out/arithmetic-baseline-beta0.1'];
    const table = await cli(['compare', ...runs, '--svg', 'curves.svg'], { cwd });
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/beta +arithmetic-baseline-beta0: 0, arithmetic-baseline-beta0\.1: 0\.1/);
    expect(readFileSync(join(cwd, 'curves.svg'), 'utf8')).toMatch(/^<svg[^]*<\/svg>$/);
    const json = JSON.parse((await cli(['compare', ...runs, '--json'], { cwd })).stdout) as {
      runs: Record<string, unknown>[];
    };
    expect(json.runs).toMatchObject([
      { run: 'arithmetic-baseline-beta0', steps: 4, finished: true, kl: null },
      { run: 'arithmetic-baseline-beta0.1', steps: 4, finished: true },
    ]);
    const csv = (await cli(['compare', ...runs, '--csv'], { cwd })).stdout.trim().split('\n');
    expect(csv).toHaveLength(3);
    expect(csv[0]).toMatch(/^run,preset,model,task,steps,finished,reward/);

    // What else a pattern finds there is no run.
    const all = [...runs, 'out', 'curves.svg'];
    for (const args of [
      ['compare', ...all, '--json'],
      ['report', ...all, '--json'],
    ]) {
      const { code, stdout, stderr } = await cli(args, { cwd });
      expect(code).toBe(0);
      expect((JSON.parse(stdout) as { runs: unknown[] }).runs).toHaveLength(2);
      expect(stderr).toBe('left out: out holds no run\nleft out: curves.svg holds no run\n');
    }
  });

  it('tells which runs failed, and does the others', async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'reward.mjs'), 'export default (c) => { throw new Error("no reward today"); };');
    writeFileSync(
      join(cwd, 'sweep.yaml'),
      'output_dir: out\nbase: {model: tiny, max_steps: 2, eval_samples: 0, threads: 1}\nruns: [{name: bad, reward: ./reward.mjs}, {name: good}]\n',
    );
    const { code, stderr } = await cli(['sweep', 'sweep.yaml'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain('SWEEP_FAILED');
    expect(stderr).toContain('1 of 2 runs failed: bad');
    expect(existsSync(join(cwd, 'out/good/final'))).toBe(true);
  });

  it.each([
    ['nothing', ['sweep'], 'USAGE'],
    ['a grid that is none', ['sweep', 'grid.yaml'], 'SWEEP'],
    ['no run to compare', ['compare'], 'USAGE'],
    ['a run that is none', ['compare', '/nowhere'], 'RUN_NOT_FOUND'],
  ])('%s: exit code 2 and what to do', async (_what, args, code) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'grid.yaml'), 'grid: {beta: 1}\n');
    const result = await cli(args, { cwd });
    expect(result.stderr).toContain(`error ${code}: `);
    expect(result.stderr).toContain('fix: ');
    expect(result.code).toBe(2);
  });
});
