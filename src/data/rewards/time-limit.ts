/**
 * A time limit on code that isn't ours, whichever way it fails to return: a promise that is never kept, a loop
 * or a regular expression that never gives the thread back, or one of those after an `await`.
 */
import type * as Files from 'node:fs';
import { Script } from 'node:vm';
import type * as Threads from 'node:worker_threads';
import { Worker } from 'node:worker_threads';

export const TOO_LATE = Symbol('too late');

/**
 * Rejects with TOO_LATE after so many milliseconds.
 * @param who for the last words, where nothing but the end of the process helps
 */
export async function within<T>(milliseconds: number, who: string, work: () => T): Promise<Awaited<T>> {
  if (milliseconds === Infinity) return await work();
  const done = guard(milliseconds, who);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      interrupted(milliseconds, work),
      new Promise<never>((_, reject) => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a mark, not an error
        timer = setTimeout(() => reject(TOO_LATE), milliseconds);
      }),
    ]);
  } finally {
    clearTimeout(timer);
    done();
  }
}

const CALLED = 'grpo-native: what is called';
let script: Script | undefined;

/** Node ends a script that takes too long from another thread; this one is the call of `work`. */
async function interrupted<T>(milliseconds: number, work: () => T): Promise<Awaited<T>> {
  script ??= new Script(`globalThis[Symbol.for(${JSON.stringify(CALLED)})]()`);
  const called = globalThis as unknown as Record<symbol, unknown>;
  called[Symbol.for(CALLED)] = work;
  try {
    return await (script.runInThisContext({ timeout: Math.max(1, Math.ceil(milliseconds)) }) as T);
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a mark, not an error
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw TOO_LATE;
    throw error;
  }
}

/** Long after the limit: a thread that isn't blocked has noticed by itself by then. */
const LAST_RESORT_MS = 10_000;

interface Watch {
  until: bigint;
  text: string;
}
const watched = new Set<Watch>();
let watchman: { worker: Worker; until: BigInt64Array } | undefined;

/**
 * Code that blocks the thread after an `await` can't be ended without damage to the thread: then the process
 * ends, with a word of why, rather than hang. Of a training run that costs the steps since its last checkpoint.
 * @returns to be called when it isn't blocked any more
 */
function guard(milliseconds: number, who: string): () => void {
  watchman ??= start();
  const entry: Watch = {
    until: process.hrtime.bigint() + BigInt(Math.ceil(milliseconds + LAST_RESORT_MS)) * 1_000_000n,
    text: `${who} took longer than ${(milliseconds / 1000).toFixed(0)} s and blocks the process, which ends here`,
  };
  watched.add(entry);
  tell();
  return () => {
    watched.delete(entry);
    tell();
  };
}

function tell(): void {
  const next = [...watched].reduce<Watch | undefined>((a, b) => (a && a.until < b.until ? a : b), undefined);
  const { worker, until } = watchman!;
  if (next) worker.postMessage(next.text);
  Atomics.store(until, 0, next?.until ?? 0n);
  Atomics.notify(until, 0);
}

function start(): NonNullable<typeof watchman> {
  const until = new BigInt64Array(new SharedArrayBuffer(8));
  const worker = new Worker(`(${String(keepWatch)})(require)`, { eval: true, workerData: until });
  worker.unref();
  return { worker, until };
}

/** The other thread. It is started from its text, and may use nothing from outside. */
function keepWatch(require: (name: string) => unknown): void {
  const threads = require('node:worker_threads') as typeof Threads;
  const { writeSync } = require('node:fs') as typeof Files;
  const cell = threads.workerData as BigInt64Array;
  for (let text = ''; ;) {
    const until = Atomics.load(cell, 0);
    for (
      let next;
      (next = threads.receiveMessageOnPort(threads.parentPort!) as { message: string } | undefined);
    )
      text = next.message;
    const left = Number(until - process.hrtime.bigint()) / 1e6;
    if (until === 0n || left > 0) {
      Atomics.wait(cell, 0, until, until === 0n ? Infinity : left);
      continue;
    }
    writeSync(
      2,
      `\nREWARD_TIMEOUT: ${text}\n  fix: look for a loop without an end; check-reward tries the reward\n`,
    );
    process.kill(process.pid, 'SIGKILL');
  }
}
