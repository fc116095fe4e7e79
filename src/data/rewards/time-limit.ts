/**
 * A time limit for a user's function, however it fails to return: a promise that is never resolved, a loop or a
 * regular expression that blocks the thread, or one of these after an `await`.
 */
import type * as Files from 'node:fs';
import { Script } from 'node:vm';
import type * as Threads from 'node:worker_threads';
import { Worker } from 'node:worker_threads';

/** Thrown where the time is over. */
export const TOO_LATE = Symbol('too late');

/**
 * Calls `work`; rejects with TOO_LATE where it takes longer than `milliseconds`.
 * @param who name of the function in the message, where the process has to be ended
 */
export async function withTimeLimit<T>(
  milliseconds: number,
  who: string,
  work: () => T,
): Promise<Awaited<T>> {
  if (milliseconds === Infinity) return await work();
  const done = guard(milliseconds, who);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      callInterruptibly(milliseconds, work),
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

/** Calls `work` in a script with a timeout: Node interrupts such a script from another thread. */
async function callInterruptibly<T>(milliseconds: number, work: () => T): Promise<Awaited<T>> {
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

/**
 * Milliseconds after the limit at which the process is ended; a thread that isn't blocked has reacted by
 * then.
 */
const LAST_RESORT_MS = 10_000;

/** A call that is being watched. */
interface Watch {
  until: bigint;
  text: string;
}
const watched = new Set<Watch>();
let watchdog: { worker: Worker; until: BigInt64Array } | undefined;

/**
 * Code that blocks the thread after an `await` can't be interrupted without damage to the thread. Then the
 * process is ended with a message, rather than hang. A training run loses the steps since its last
 * checkpoint.
 * @returns a function that ends the watch
 */
function guard(milliseconds: number, who: string): () => void {
  watchdog ??= start();
  const entry: Watch = {
    until: process.hrtime.bigint() + BigInt(Math.ceil(milliseconds + LAST_RESORT_MS)) * 1_000_000n,
    text: `${who} took longer than ${(milliseconds / 1000).toFixed(0)} s and blocks the process, which ends here`,
  };
  watched.add(entry);
  updateWatchdog();
  return () => {
    watched.delete(entry);
    updateWatchdog();
  };
}

/** Sends the watchdog the earliest deadline. */
function updateWatchdog(): void {
  const next = [...watched].reduce<Watch | undefined>((a, b) => (a && a.until < b.until ? a : b), undefined);
  const { worker, until } = watchdog!;
  if (next) worker.postMessage(next.text);
  Atomics.store(until, 0, next?.until ?? 0n);
  Atomics.notify(until, 0);
}

function start(): NonNullable<typeof watchdog> {
  const until = new BigInt64Array(new SharedArrayBuffer(8));
  const worker = new Worker(`(${String(keepWatch)})(require)`, { eval: true, workerData: until });
  worker.unref();
  return { worker, until };
}

/** The code of the watchdog thread. It is started from its source text, so it may use nothing from outside. */
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
