/** What a terminal, a pipe, a shell and a machine that sleeps may do to a run. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cli, jsonLines } from '../support/cli.js';
import { ended, endedAndRead, endOf, place, seconds, type Place } from '../support/small-run.js';

const checkpoints = (folder: string) => readdirSync(join(folder, 'checkpoints')).sort();
const lastRow = (folder: string) =>
  Number(readFileSync(join(folder, 'metrics.csv'), 'utf8').trimEnd().split('\n').at(-1)!.split(',')[0]);
const resumed = async ({ run }: Place, name: string) => {
  expect(await cli(['train', '--output-dir', run(name), '--resume'])).toMatchObject({ code: 0, stderr: '' });
  return endOf(run(name));
};
/** Enough steps that something can happen between them. */
const LONG = { 'max-steps': 300, 'save-steps': 0 };

describe('a signal', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s in the middle of a step saves the steps before it, and the run goes on from there',
    async (signal) => {
      const here = place();
      await here.train('whole', { 'max-steps': 4 });
      const log = join(here.parent, 'rewards');
      const child = here.start(
        'parted',
        { 'max-steps': 4, 'save-steps': 0 },
        { REWARD_SECONDS: '0.5', REWARD_LOG: log },
      );
      const calls = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0);
      // In the third step: its reward is being reckoned.
      await expect.poll(calls, { timeout: 60_000, interval: 20 }).toBe(3);
      child.kill(signal);
      expect(await ended(child)).toBe(130);
      // Only whole steps: the third, if it was the last thing to be done, or not.
      expect(checkpoints(here.run('parted'))).toEqual([`checkpoint-${lastRow(here.run('parted'))}`]);
      expect(lastRow(here.run('parted'))).toBeLessThan(4);
      expect(await resumed(here, 'parted')).toEqual(endOf(here.run('whole')));
    },
  );

  it('SIGHUP twice, as shell and system may send it, saves all the same', async () => {
    const here = place();
    const child = here.start('a', { ...LONG, json: true });
    createInterface(child.stdout).on('line', (line) => {
      if ((JSON.parse(line) as { step?: number }).step !== 3) return;
      child.kill('SIGHUP');
      child.kill('SIGHUP');
    });
    expect(await ended(child)).toBe(130);
    expect(checkpoints(here.run('a'))).toEqual([`checkpoint-${lastRow(here.run('a'))}`]);
  });
});

describe('a terminal', () => {
  const SCRIPT = fileURLToPath(new URL('../support/processes/terminal.py', import.meta.url));
  const inTerminal = async (act: 'close' | 'hold', text: string, args: string[]) => {
    const { stdout } = await promisify(execFile)('python3', [SCRIPT, act, text, process.execPath, ...args]);
    return Number(stdout);
  };

  it('that is closed ends the run, saved', async () => {
    const here = place();
    expect(await inTerminal('close', 'step 3', here.args('a', LONG))).toBe(130);
    const step = lastRow(here.run('a'));
    expect(step).toBeGreaterThan(2);
    expect(checkpoints(here.run('a'))).toEqual([`checkpoint-${step}`]);
  });

  it('that takes nothing any more does not hold the run up', async () => {
    const here = place();
    expect(await inTerminal('hold', 'step 3', here.args('a', LONG))).toBe(0);
    expect(lastRow(here.run('a'))).toBe(300);
    expect(existsSync(join(here.run('a'), 'summary.json'))).toBe(true);
  });
});

describe('a pipe', () => {
  it('whose reader goes away does not end the run', async () => {
    const here = place();
    await here.train('whole');
    const child = here.start('a', { json: true });
    child.stdout.once('data', () => {
      child.stdout.destroy();
      child.stderr!.destroy();
    });
    expect(await ended(child)).toBe(0);
    expect(endOf(here.run('a'))).toEqual(endOf(here.run('whole')));
  });

  it('that is full and that nobody reads neither stops the run nor keeps it from ending', async () => {
    const here = place();
    // A thousand characters a step, and a pipe holds 65,536.
    const child = here.start('a', { ...LONG, json: true });
    expect(await ended(child)).toBe(0);
    expect(lastRow(here.run('a'))).toBe(300);
    expect(existsSync(join(here.run('a'), 'final', 'model.safetensors'))).toBe(true);
  });

  it('that is full does not keep Ctrl-C from saving', async () => {
    const here = place();
    const child = here.start('a', { ...LONG, 'max-steps': 100_000, json: true });
    const csv = join(here.run('a'), 'metrics.csv');
    await expect.poll(() => existsSync(csv) && lastRow(here.run('a')) > 150, { timeout: 100_000 }).toBe(true);
    child.kill('SIGINT');
    expect(await ended(child)).toBe(130);
    expect(checkpoints(here.run('a'))).toEqual([`checkpoint-${lastRow(here.run('a'))}`]);
  });
});

it('a machine that sleeps goes on where it was, and its times stay sane', async () => {
  const here = place();
  await here.train('whole');
  const log = join(here.parent, 'rewards');
  const child = here.start('a', { json: true }, { REWARD_SECONDS: '0.2', REWARD_LOG: log });
  let stdout = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  await expect.poll(() => existsSync(log), { timeout: 60_000, interval: 10 }).toBe(true);
  child.kill('SIGSTOP');
  await seconds(3);
  child.kill('SIGCONT');
  expect(await endedAndRead(child)).toBe(0);
  expect(endOf(here.run('a'))).toEqual(endOf(here.run('whole')));
  const steps = jsonLines(stdout).filter(({ event }) => event === 'step');
  const times = steps.map((step) => step.step_time as number);
  // What slept counts in its step, and nowhere else.
  expect(times[0]).toBeGreaterThan(3);
  for (const step of steps)
    for (const [name, value] of Object.entries(step))
      if (name.startsWith('time/')) expect(value, name).toBeGreaterThanOrEqual(0);
  const end = jsonLines(stdout).at(-1)!;
  const sum = times.reduce((a, b) => a + b, 0);
  expect(end.seconds).toBeGreaterThanOrEqual(sum);
});

it('goes on from a checkpoint that is named, and sets aside those after it', async () => {
  const here = place();
  await here.train('a', { 'save-total-limit': 0 });
  const before = endOf(here.run('a'));
  const again = await cli(['train', '--output-dir', here.run('a'), '--resume', 'checkpoint-2']);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toContain('resumed after step 2');
  expect(endOf(here.run('a'))).toEqual(before);
  expect(checkpoints(here.run('a'))).toEqual([
    'checkpoint-2',
    'checkpoint-4',
    'checkpoint-6',
    'replaced-checkpoint-4',
    'replaced-checkpoint-6',
  ]);
  const missing = await cli(['train', '--output-dir', here.run('a'), '--resume', 'checkpoint-5']);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toMatch(
    /error RESUME_CHECKPOINT.*\nfix: .*checkpoint-2, checkpoint-4, checkpoint-6/,
  );
});
