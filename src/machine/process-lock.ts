/** A file that one process holds at a time. It names the holder, and outlives its death without hindering anyone. */
import { linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

export interface Holder {
  pid: number;
  host: string;
  /** When the process was started, as the system counts it: a number that is used again is another process. */
  started: string | null;
  since: string;
}

export type Lock = { held: true; release: () => void } | { held: false; holder: Holder | undefined };

/** Takes the lock, from a dead holder too. */
export function acquire(file: string): Lock {
  mkdirSync(dirname(file), { recursive: true });
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    started: statusOf(process.pid)?.started ?? null,
    since: new Date().toISOString(),
  };
  const text = JSON.stringify(own);
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, text);
  try {
    // A link appears with its content or not at all, and to one process only.
    for (let attempt = 0; attempt < 10; attempt++) {
      if (tryLink(mine, file)) {
        clear(file);
        return { held: true, release: () => release(file, text) };
      }
      const before = read(file);
      if (before === undefined) continue;
      const holder = holderOf(before);
      if (holder && isAlive(holder)) return { held: false, holder };
      takeAway(file, before);
    }
    return { held: false, holder: holderOf(read(file) ?? '') };
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Who holds the lock and lives. */
export function livingHolder(file: string): Holder | undefined {
  const holder = holderOf(read(file) ?? '');
  return holder && isAlive(holder) ? holder : undefined;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a dead holder, unless another process has done so and holds it by now. */
function takeAway(file: string, content: string): void {
  const aside = `${file}.stale-${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // somebody was quicker
  }
  if (read(aside) !== content) tryLink(aside, file);
  rmSync(aside, { force: true });
}

/** Removes what processes left that died while they took the lock. */
function clear(file: string): void {
  for (const name of readdirSync(dirname(file))) {
    if (!name.startsWith(`${basename(file)}.`)) continue;
    const beside = join(dirname(file), name);
    const owner = holderOf(read(beside) ?? '');
    if (owner && !isAlive(owner)) rmSync(beside, { force: true });
  }
}

function release(file: string, content: string): void {
  if (read(file) === content) rmSync(file, { force: true });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function holderOf(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder>;
    return typeof holder.pid === 'number' && typeof holder.host === 'string' ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host, started }: Holder): boolean {
  // Nothing can be known of a process on another machine.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = statusOf(pid);
  if (now === undefined) return true;
  // What has ended and was not asked for yet is no holder any more.
  return now.state !== 'Z' && now.state !== 'X' && (started === null || started === now.started);
}

/** Undefined where the system doesn't tell. */
function statusOf(pid: number): { state: string; started: string } | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // From the third field on; the second is a name that may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, started: `${boot} ${fields[19]}` };
  } catch {
    return undefined;
  }
}
