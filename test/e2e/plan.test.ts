import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

/** The batch that takes most: completions are as long as they may be, and hardly two alike. */
const worst = ['--stop', 'none', '--temperature', '50', '--save-steps', '0'];

describe('plan', () => {
  it.each(['256', '512'])('says what a run takes: its memory within a tenth, %s a batch', async (batch) => {
    const folder = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    const reward = join(folder, 'spread.mjs');
    writeFileSync(reward, 'export default (all) => all.map(({ completion }) => completion.length % 7);\n');
    const args = [
      ...worst,
      '--batch-size',
      batch,
      '--reward',
      reward,
      '--max-steps',
      '5',
      '--eval-samples',
      '0',
    ];
    const planned = await cli(['plan', ...args, '--json']);
    expect(planned.stderr).toBe('');
    const plan = JSON.parse(planned.stdout) as Record<string, unknown> & { memory: Record<string, number> };
    expect(plan).toMatchObject({ steps: 5, go: expect.any(Boolean) as boolean });
    for (const name of ['step_seconds', 'hours', 'frac_reward_zero_std', 'reward'])
      expect(plan[name]).toEqual(expect.any(Number));
    expect(plan.reasons).not.toHaveLength(0);
    const { peak, available, ...parts } = plan.memory;
    // Every step is the worst there is.
    expect(plan.expected_peak).toBeGreaterThan(0.9 * peak!);
    expect(Object.values(parts).reduce((sum, part) => sum + part)).toBe(peak);
    expect(available).toBeGreaterThan(peak!);

    const run = await cli(['train', ...args, '--json', '--quiet', '--output-dir', join(folder, 'run')]);
    const end = run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; peak_memory?: number })
      .find(({ event }) => event === 'end')!;
    expect(peak! / end.peak_memory!).toBeGreaterThan(0.9);
    expect(peak! / end.peak_memory!).toBeLessThan(1.1);
  });

  it('prints it for a person', async () => {
    const { stdout, code } = await cli(['plan', '--preset', 'arithmetic-no-kl', '--model', 'tiny']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/memory +up to .* of .*: process/);
    expect(stdout).toMatch(/expected +\d+ MiB of memory, as the first steps go/);
    expect(stdout).toMatch(/time +.* a step, .* steps and the evaluations/);
    expect(stdout).toMatch(/probe +of \d+ groups \d+% without spread/);
    expect(stdout).toMatch(/^ {2}(go|no go) /m);
  });

  it('refuses what can not fit, with what would', async () => {
    const { stderr, code } = await cli(['train', '--max-memory', '0.1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error MEMORY: this run takes at least \d+ MiB/);
    expect(stderr).toMatch(/^fix: use a smaller model/m);
  });
});

describe('check-reward', () => {
  it('shows what a reward makes of completions', async () => {
    const { stdout, code } = await cli(['check-reward', '--task', 'counting']);
    expect(code).toBe(0);
    expect(stdout).toContain('right ones earn more than wrong');
    expect(stdout).toMatch(/huge number .* -1\.000/);
  });

  it('fails where the reward does', async () => {
    const folder = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    const reward = join(folder, 'brittle.mjs');
    writeFileSync(
      reward,
      'export default (all) => all.map(({ completion }) => Number(completion.match(/\\d/)[0]));\n',
    );
    const { stdout, code } = await cli(['check-reward', '--reward', reward, '--json']);
    expect(code).toBe(1);
    const { complaints } = JSON.parse(stdout) as { complaints: string[] };
    expect(complaints[0]).toMatch(/brittle fails at a completion of the kind "empty": REWARD_FAILED/);
  });
});
