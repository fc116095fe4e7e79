/** What disks, folders and clocks may do to a run: it ends with a coded error or goes on, and what was saved stays. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isTime } from '../../src/grpo/metrics.js';
import { cli, jsonLines } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { endedAndRead, endOf, place, type Place } from '../support/small-run.js';

const checkpoints = (folder: string) => readdirSync(join(folder, 'checkpoints')).sort();
const goesOn = async (folder: string) =>
  expect(await cli(['train', '--output-dir', folder, '--resume'])).toMatchObject({ code: 0, stderr: '' });

/** A shell script with node and arguments of its own behind it. */
const shell = (script: string, args: string[], wrapper: string[] = []) => {
  const [command, ...rest] = [...wrapper, 'sh', '-c', script, 'sh', process.execPath, ...args];
  return spawnSync(command!, rest, { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
};

describe('a disk that is full', () => {
  const ALL = { 'save-total-limit': 0 };
  /** In a mount namespace of its own; where the system allows none, the limit on files below stands in. */
  const NAMESPACE = ['unshare', '-rm'];
  const mounts = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

  /** Two checkpoints fit. @returns what the run said, and where it lies when there was room again and it went on */
  const onTmpfs = (here: Place) => {
    const [disk, kept] = [join(here.parent, 'disk'), join(here.parent, 'kept')];
    mkdirSync(disk);
    const small = place(disk);
    const { stdout, stderr } = shell(
      `mount -t tmpfs -o size=4m none ${disk}
      "$@"; echo "ended $?"; ls ${disk}/a/checkpoints
      mount -o remount,size=100m ${disk}
      "$1" "$2" train --output-dir ${disk}/a --resume; echo "ended $?"
      cp -r ${disk}/a ${kept}`,
      small.args('a', ALL),
      NAMESPACE,
    );
    return { stdout, stderr, folder: kept };
  };

  /** A file of 600 kB: weights fit, moments don't. */
  const withLimit = async (here: Place) => {
    await here.train('a', { ...ALL, 'max-steps': 6 });
    const folder = here.run('a');
    const { stdout, stderr } = shell(
      `(ulimit -f 1200; "$@"); echo "ended $?"; ls ${folder}/checkpoints
      "$1" "$2" train --output-dir ${folder} --resume; echo "ended $?"`,
      [...here.args('a', ALL), '--resume', 'checkpoint-2'],
    );
    return { stdout, stderr, folder };
  };

  it.each([
    ...(mounts ? [{ name: 'a tmpfs of 4 MB', use: onTmpfs, code: 'DISK_FULL' }] : []),
    { name: 'a limit on the size of files', use: withLimit, code: 'FILE_WRITE' },
  ])('ends the run with a code, and costs nothing that was saved: $name', async ({ use, code }) => {
    const here = place();
    await here.train('whole');
    const { stdout, stderr, folder } = await use(here);
    expect(stderr).toMatch(new RegExp(`^error ${code}: .*\\nfix: .*\\n$`));
    const [first, second] = [...stdout.matchAll(/^ended (\d+)$/gm)].map(([, status]) => Number(status));
    expect([first, second]).toEqual([1, 0]);
    expect(stdout).toMatch(/^ended 1\ncheckpoint-2\n/m);
    expect(stdout).toMatch(/resumed after step [24]/);
    expect(endOf(folder)).toEqual(endOf(here.run('whole')));
  });

  it.skipIf(!mounts)('is told before the first step where it can be known', () => {
    const disk = temporaryFolder();
    const { stdout, stderr } = shell(
      `mount -t tmpfs -o size=1m none ${disk}; "$@"; echo "ended $?"`,
      place(disk).args('a'),
      NAMESPACE,
    );
    expect(stderr).toMatch(/^error DISK_FULL: .* needs 0.0 GB for checkpoints/);
    expect(stdout).toMatch(/ended 1\n$/);
  });
});

describe('a folder that may not be written', () => {
  /** Root may write everywhere, unless it gives that up. */
  const obeys =
    process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--'] : [];

  it('is refused before the first step', () => {
    const here = place();
    mkdirSync(here.run('a'));
    for (const folder of [here.run('a'), here.parent]) {
      chmodSync(folder, 0o555);
      const { status, stderr } = shell('"$@"', here.args(folder === here.parent ? 'b' : 'a'), obeys);
      chmodSync(folder, 0o755);
      expect(stderr).toMatch(/^error WRITE_FAILED: .*permission denied.*\nfix: .*may write to it\n$/);
      expect(status).toBe(1);
    }
  });

  it('in the middle of a run ends it, and it goes on when it may', async () => {
    const here = place();
    await here.train('whole');
    const [command, ...rest] = [...obeys, process.execPath, ...here.args('a')];
    const child = spawn(command!, rest, { env: { ...process.env, REWARD_SECONDS: '0.5' } });
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    child.stdout.resume();
    const folder = join(here.run('a'), 'checkpoints');
    await expect.poll(() => existsSync(join(folder, 'checkpoint-2')), { timeout: 60_000 }).toBe(true);
    chmodSync(folder, 0o555);
    expect(await endedAndRead(child)).toBe(1);
    chmodSync(folder, 0o755);
    expect(stderr).toMatch(/^error WRITE_FAILED: .*checkpoint-4 could not be written: .*permission denied/);
    expect(checkpoints(here.run('a'))).toEqual(['checkpoint-2']);
    await goesOn(here.run('a'));
    expect(endOf(here.run('a'))).toEqual(endOf(here.run('whole')));
  });
});

it('a run folder that is removed underneath is missed, and the weights are rescued', async () => {
  const here = place();
  const child = here.start('a', { 'max-steps': 100_000, 'save-steps': 0, json: true });
  let stderr = '';
  child.stderr!.on('data', (text: Buffer) => (stderr += text.toString()));
  let steps = 0;
  child.stdout.on('data', (text: Buffer) => {
    if (steps > 2 || !text.toString().includes('"event":"step"') || ++steps !== 3) return;
    rmSync(here.run('a'), { recursive: true, maxRetries: 5 });
  });
  expect(await endedAndRead(child)).toBe(1);
  const rescued = join(here.run('a'), 'rescued');
  expect(stderr).toContain('error RUN_FOLDER_GONE: ');
  expect(stderr).toContain(`--init-from ${rescued}`);
  expect((await here.train('b', { 'init-from': rescued, 'max-steps': 1 })).code).toBe(0);
});

it('a wall clock that jumps by days changes neither the run nor its times', async () => {
  const here = place();
  await here.train('whole', { 'max-steps': 20 });
  const jumps = fileURLToPath(new URL('../support/processes/clock-jumps.mjs', import.meta.url));
  const { code, stdout, stderr } = await here.train(
    'a',
    { 'max-steps': 20, json: true },
    { env: { NODE_OPTIONS: `--import ${jumps}` } },
  );
  expect(code, stderr).toBe(0);
  expect(endOf(here.run('a'))).toEqual(endOf(here.run('whole')));
  const rows = readFileSync(join(here.run('a'), 'metrics.jsonl'), 'utf8');
  const times = jsonLines(rows).flatMap((row) => Object.entries(row).filter(([name]) => isTime(name)));
  expect(times.length).toBeGreaterThan(100);
  for (const [name, value] of times) {
    expect(value, name).toBeGreaterThanOrEqual(0);
    expect(value, name).toBeLessThan(120);
  }
  const end = jsonLines(stdout).at(-1)!;
  expect(end.seconds).toBeGreaterThan(0);
  expect(end.seconds).toBeLessThan(120);
  expect(checkpoints(here.run('a'))).toEqual(['checkpoint-18', 'checkpoint-20']);
});
