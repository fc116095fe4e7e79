import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import type * as NodeFs from 'node:fs';
import { linkSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acquire } from '../../../src/machine/process-lock.js';
import { temporaryFolder } from '../../support/fixtures.js';

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof NodeFs>();
  return { ...fs, linkSync: vi.fn(fs.linkSync) };
});

// What file systems without hard links answer, and undefined for those with.
const LINK_ERRORS = [undefined, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV'];

describe.each(LINK_ERRORS)('a lock, where link() answers %s', (code) => {
  beforeEach(() => {
    if (code === undefined) return;
    vi.mocked(linkSync).mockImplementation(() => {
      throw Object.assign(new Error(`${code}: no links here, link`), { code });
    });
  });
  afterEach(() => vi.mocked(linkSync).mockRestore());

  const file = () => join(temporaryFolder(), 'lock');
  const holder = (pid: number, more = {}) =>
    JSON.stringify({ pid, host: hostname(), started: null, since: 'then', ...more });

  it('is held by one, who is named, until it is released', () => {
    const path = file();
    const lock = acquire(path);
    expect(lock.held).toBe(true);
    expect(acquire(path)).toMatchObject({ held: false, holder: { pid: process.pid, host: hostname() } });
    if (lock.held) lock.release();
    expect(readdirSync(dirname(path))).toEqual([]);
    expect(acquire(path).held).toBe(true);
    expect(readdirSync(dirname(path))).toEqual(['lock']);
  });

  it('survives its holder: a process that is gone hinders nobody', async () => {
    const path = file();
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    writeFileSync(path, holder(child.pid!));
    expect(acquire(path).held).toBe(true);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
  });

  it.runIf(process.platform === 'linux')('is not held by another process that got the same number', () => {
    const path = file();
    writeFileSync(path, holder(process.pid, { started: 'another boot 1' }));
    expect(acquire(path).held).toBe(true);
  });

  it('clears away what processes left that died while they took it', () => {
    const file = join(temporaryFolder(), 'run.lock');
    const dead = { pid: 2 ** 30, host: hostname(), started: null, since: '' };
    const alive = { ...dead, pid: process.pid };
    writeFileSync(`${file}.1`, JSON.stringify(dead));
    writeFileSync(`${file}.stale-2`, JSON.stringify(dead));
    writeFileSync(`${file}.3`, JSON.stringify(alive));
    expect(acquire(file).held).toBe(true);
    expect(readdirSync(dirname(file)).sort()).toEqual(['run.lock', 'run.lock.3']);
  });

  it('of another machine is left alone, unless its holder is said to be dead', () => {
    const path = file();
    writeFileSync(path, holder(1, { host: 'elsewhere' }));
    expect(acquire(path)).toMatchObject({ held: false, holder: { host: 'elsewhere' } });
    expect(acquire(path, { takeOver: true }).held).toBe(true);
  });

  it.runIf(process.platform === 'linux')('of a process that is seen to live is not taken over', () => {
    const path = file();
    expect(acquire(path).held).toBe(true);
    expect(acquire(path, { takeOver: true })).toMatchObject({ held: false, holder: { pid: process.pid } });
  });

  it('that is torn belongs to nobody', () => {
    const path = file();
    writeFileSync(path, '{"pid":');
    expect(acquire(path).held).toBe(true);
  });
});

describe.each([[], ['EPERM']])('a lock, where link() answers %s', (...code) => {
  it('has one holder, whoever takes it from the dead at the same moment', async () => {
    const path = join(temporaryFolder(), 'lock');
    const script = fileURLToPath(new URL('../../support/processes/contend.js', import.meta.url));
    const args = ['--import', 'tsx', script, path, '60', ...code];
    const run = promisify(execFile);
    const found = await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, args)));
    expect(found.map(({ stdout }) => stdout)).toEqual(['0', '0', '0']);
  }, 60_000);
});
