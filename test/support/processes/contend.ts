/**
 * Takes a lock again and again, each time leaving it to a dead process; says how often it had the lock, and whether
 * anybody else had it then. Arguments: the lock, how often, and what link() answers.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { hostname } from 'node:os';

const [file, times, code] = process.argv.slice(2) as [string, string, string | undefined];
if (code) {
  fs.linkSync = () => {
    throw Object.assign(new Error(`${code}: no links here, link`), { code });
  };
  syncBuiltinESMExports();
}
const { acquire } = await import('../../../src/machine/process-lock.js');

let others = 0;
for (let held = 0; held < Number(times);) {
  const lock = acquire(file);
  if (!lock.held) continue;
  held++;
  try {
    fs.writeFileSync(`${file}-inside`, '', { flag: 'wx' });
    fs.rmSync(`${file}-inside`);
  } catch {
    others++;
  }
  // As if this process had died: its number is nobody's.
  const dead = { pid: 2 ** 30, host: hostname(), started: null, since: '', id: `${process.pid} ${held}` };
  fs.writeFileSync(`${file}-dead-${process.pid}`, JSON.stringify(dead));
  fs.renameSync(`${file}-dead-${process.pid}`, file);
}
process.stdout.write(String(others));
