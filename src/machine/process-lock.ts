/** A file that one process holds at a time. It names the holder, and outlives its death without hindering anyone. */
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseJson } from '../common/json.js';

export interface Holder {
  pid: number;
  host: string;
  /** When the process was started, as the system counts it: a number that is used again is another process. */
  started: string | null;
  since: string;
  /** No two locks have the same content. */
  id?: string;
}

export type Lock = { held: true; release: () => void } | { held: false; holder: Holder | undefined };

interface Options {
  /** Whether a holder of which nothing can be known, as on another machine, is to be taken for dead. */
  takeOver?: boolean;
}

/** Takes the lock, from a dead holder too. */
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
    const now = settled(file);
    if (now === text) {
      clear(file);
      return { held: true, release: () => release(file, text) };
    }
    if (now === undefined) continue;
    const holder = holderOf(now);
    if (holder && isAlive(holder, options)) return { held: false, holder };
    takeAway(file, now, options);
  }
  return { held: false, holder: holderOf(read(file) ?? '') };
}

/** Whether the holder's process can be looked at from here. */
export const isElsewhere = (holder: Holder): boolean => holder.host !== hostname();

/**
 * Makes the file, for one process only; does nothing where it is there.
 * A link appears with its content. File systems without hard links refuse it, each with a code of its own: there a
 * file is opened that must not be there yet, and for a moment has no content.
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

/** Milliseconds, and how often: what names no holder may be about to. */
const PAUSE = 20;
const PAUSES = 25;

/** The content, once it names a holder, or after half a second whatever it is. */
function settled(file: string): string | undefined {
  let text = read(file);
  for (let i = 0; i < PAUSES && text !== undefined && holderOf(text) === undefined; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    text = read(file);
  }
  return text;
}

/**
 * Removes the lock of a dead holder, and none that has come in its place. Who removes it holds a lock of its own,
 * named by that content: between the look and the removal nobody else can have removed it.
 */
function takeAway(file: string, content: string, options: Options): void {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 8);
  const claim = acquire(`${file}.${digest}`, options);
  if (!claim.held) return;
  if (read(file) === content) rmSync(file, { force: true });
  claim.release();
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
  // What has ended and was not asked for yet is no holder any more.
  return now.state !== 'Z' && now.state !== 'X' && (started === null ? !takeOver : started === now.started);
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
