/** Runs that start at once, run folders that a process elsewhere has, and file systems that can do less. */
import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cli, type CliOptions } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';

const few = ['--model', fixtureModel('qwen2-tied'), '--max-steps', '1', '--eval-samples', '0', '--no-probe'];
const tiny = [...few, '--batch-size', '16', '--num-generations', '4', '--threads', '1', '--max-operand', '9'];
const train = (args: string[], options: CliOptions = {}) =>
  cli(['train', ...tiny, '--quiet', ...args], options);

describe('runs without a folder of their own', () => {
  it('that start together have one each, and all end', async () => {
    const cwd = temporaryFolder();
    const ended = await Promise.all(Array.from({ length: 4 }, () => train([], { cwd })));
    expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      Array.from({ length: 4 }, () => ({ code: 0, stderr: '' })),
    );
    const names = readdirSync(join(cwd, 'runs')).sort();
    expect(names).toEqual(['', '-2', '-3', '-4'].map((end) => `qwen2-tied-arithmetic${end}`));
    for (const name of names) {
      expect(existsSync(join(cwd, 'runs', name, 'final', 'model.safetensors'))).toBe(true);
      expect(
        readFileSync(join(cwd, 'runs', name, 'metrics.csv'), 'utf8')
          .trimEnd()
          .split('\n'),
      ).toHaveLength(2);
    }
  });
});

describe('a run that a process on another machine has', () => {
  it('is named with what is known of it, and goes on once that is said to be dead', async () => {
    const folder = join(temporaryFolder(), 'run');
    const goOn = (more: string[] = []) =>
      cli(['train', '--output-dir', folder, '--resume', '--max-steps', '2', '--quiet', ...more]);
    expect((await train(['--output-dir', folder])).code).toBe(0);
    const lock = join(folder, 'run.lock');
    const since = '2025-01-01T00:00:00.000Z';
    writeFileSync(lock, JSON.stringify({ pid: 7, host: 'pod-3', started: 'boot 1', since }));
    const then = new Date(Date.now() - 7_500_000);
    for (const name of [lock, ...readdirSync(folder).map((name) => join(folder, name))])
      utimesSync(name, then, then);

    const refused = await goOn();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /process 7 on pod-3, since 2025-.* nothing was written there for 2 h 5 min/,
    );
    expect(refused.stderr).toContain('--take-over');
    expect(await goOn(['--take-over'])).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(lock)).toBe(false);
    // It was said of that process alone.
    writeFileSync(lock, JSON.stringify({ pid: 8, host: 'pod-4', started: 'boot 1', since }));
    expect((await goOn()).code).toBe(2);
  });
});

describe('a file system without hard links', () => {
  const script = fileURLToPath(new URL('../support/processes/without-links.mjs', import.meta.url));
  const env = { NODE_OPTIONS: `--import ${script}` };

  it('holds runs and sweeps', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'runs'));
    expect(await train([], { cwd, env })).toMatchObject({ code: 0, stderr: '' });
    const sweep = await cli(['sweep', ...tiny, '--seed', '1', '--seed', '2'], { cwd, env });
    expect(sweep, sweep.stderr).toMatchObject({ code: 0 });
  });
});
