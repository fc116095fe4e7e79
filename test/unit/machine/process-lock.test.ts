import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquire, livingHolder } from '../../../src/machine/process-lock.js';
import { temporaryFolder } from '../../support/fixtures.js';

describe('a lock', () => {
  const file = () => join(temporaryFolder(), 'lock');
  const holder = (pid: number, more = {}) =>
    JSON.stringify({ pid, host: hostname(), started: null, since: 'then', ...more });

  it('is held by one, who is named, until it is released', () => {
    const path = file();
    const lock = acquire(path);
    expect(lock.held).toBe(true);
    expect(acquire(path)).toMatchObject({ held: false, holder: { pid: process.pid, host: hostname() } });
    expect(livingHolder(path)).toMatchObject({ pid: process.pid });
    if (lock.held) lock.release();
    expect(livingHolder(path)).toBeUndefined();
    expect(acquire(path).held).toBe(true);
  });

  it('survives its holder: a process that is gone hinders nobody', async () => {
    const path = file();
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    writeFileSync(path, holder(child.pid!));
    expect(livingHolder(path)).toBeUndefined();
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

  it('of another machine is left alone', () => {
    const path = file();
    writeFileSync(path, holder(1, { host: 'elsewhere' }));
    expect(acquire(path)).toMatchObject({ held: false, holder: { host: 'elsewhere' } });
  });

  it('that is torn belongs to nobody', () => {
    const path = file();
    writeFileSync(path, '{"pid":');
    expect(acquire(path).held).toBe(true);
  });
});
