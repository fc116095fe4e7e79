/** A lock file that one process holds at a time. It names its holder, so that a dead process's lock can be taken over. */
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseJson } from '../common/json.js';

export interface Holder {
  pid: number;
  host: string;
  /** Start time of the process by the system's count, which tells it from a later process with the same pid. */
  started: string | null;
  since: string;
  /** Random, so that no two locks have the same content. */
  id?: string;
}

export type Lock = { held: true; release: () => void } | { held: false; holder: Holder | undefined };

interface Options {
  /** Treat the holder as dead where that can't be checked, as for a process on another machine. */
  takeOver?: boolean;
}

/** Tries to take the lock; a lock whose holder is dead is replaced. */
export function acquire(file: string, options: Options = {}): Lock {
  mkdirSync(dirname(file), { recursive: true });
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    started: statusOf(process.pid)?.started ?? null,
    since: new Date().toISOString(),
    id: randomUUID(),
  };
  const text = JSON.stringify(own);
  for (let attempt = 0; attempt < 10; attempt++) {
    createWith(file, text, own.id!);
    const now = readSettled(file);
    if (now === text) {
      removeLeftovers(file);
      return { held: true, release: () => release(file, text) };
    }
    if (now === undefined) continue;
    const holder = holderOf(now);
    if (holder && isAlive(holder, options)) return { held: false, holder };
    removeStale(file, now, options);
  }
  return { held: false, holder: holderOf(read(file) ?? '') };
}

/** Whether the holder runs on another machine, so that this one can't check whether it is alive. */
export const isElsewhere = (holder: Holder): boolean => holder.host !== hostname();

/**
 * Creates the file, for one of several competing processes; does nothing if it exists.
 * A hard link appears together with its content. File systems without hard links refuse to make one, each with
 * another error code: there the file is opened exclusively, and for a moment has no content.
 */
function createWith(file: string, text: string, id: string): void {
  const mine = `${file}.${id}`;
  writeFileSync(mine, text);
  try {
    linkSync(mine, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    try {
      writeFileSync(file, text, { flag: 'wx', flush: true });
    } catch (refused) {
      if ((refused as NodeJS.ErrnoException).code !== 'EEXIST') throw refused;
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** How long, in milliseconds, and how often to wait for a lock file that is still being written. */
const PAUSE = 20;
const PAUSES = 25;

/** Reads the lock file, waiting up to half a second until it names a holder. */
function readSettled(file: string): string | undefined {
  let text = read(file);
  for (let i = 0; i < PAUSES && text !== undefined && holderOf(text) === undefined; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    text = read(file);
  }
  return text;
}

/**
 * Removes a dead holder's lock, but not a new lock that replaced it meanwhile. Removing needs a second lock,
 * named after the content that is to be removed: while it is held, no other process can replace the file
 * between the check and the removal.
 */
function removeStale(file: string, content: string, options: Options): void {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 8);
  const claim = acquire(`${file}.${digest}`, options);
  if (!claim.held) return;
  if (read(file) === content) rmSync(file, { force: true });
  claim.release();
}

/** Removes temporary files of processes that died while taking the lock. */
function removeLeftovers(file: string): void {
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
  const holder = parseJson(text) as Partial<Holder> | null | undefined;
  return typeof holder?.pid === 'number' && typeof holder.host === 'string' ? (holder as Holder) : undefined;
}

function isAlive(holder: Holder, { takeOver = false }: Options = {}): boolean {
  if (isElsewhere(holder)) return !takeOver;
  const { pid, started } = holder;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = statusOf(pid);
  if (now === undefined) return !takeOver;
  // A zombie, which has ended but whose parent hasn't collected its status, holds nothing any more.
  return now.state !== 'Z' && now.state !== 'X' && (started === null ? !takeOver : started === now.started);
}

/** State and start time of a process; undefined where the system has no /proc. */
function statusOf(pid: number): { state: string; started: string } | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields from the third on: the second is the program's name, which may contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, started: `${boot} ${fields[19]}` };
  } catch {
    return undefined;
  }
}
