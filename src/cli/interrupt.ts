/**
 * Ends a run early. The first Ctrl-C lets it save and end, the second ends the process at once. A terminal that
 * closes acts like a first Ctrl-C, and so do errors that must end the run.
 */
import { GrpoError } from '../common/errors.js';
import { asOurs } from '../machine/user-module.js';

export const INTERRUPTED = 130;

const STALLED = new GrpoError('STALLED', 'the run waits for a promise that nothing can settle any more', {
  fix: 'look for a promise that is never resolved in the reward or the task; --reward-timeout ends the wait for a reward',
  exitCode: 1,
});

/** Aborts the work in progress; undefined if there is none. */
let current: AbortController | undefined;

let left = false;

/** For `interruptible`, where nothing is saved: says that the signal was heard. */
export const sayStopping = (): void => void process.stderr.write('\nStopping.\n');

/** To be called last: what was left in the middle (a reward's timers, its connections) keeps no process. */
export function leave(failed: boolean): void {
  if (left || failed) setTimeout(() => process.exit(), 500).unref();
}

/** Ends the work at hand with an error, after it has saved; false where there is none. */
export function endWith(error: GrpoError): boolean {
  if (!current) return false;
  asOurs(() => current!.abort(error));
  return true;
}

/**
 * Runs `work` with a signal that the first SIGINT, SIGTERM or SIGHUP aborts; a second SIGINT or SIGTERM ends the
 * process at once. A second SIGHUP does not: shell and system may both send one when a terminal closes.
 * @param onFirst called at the first signal, to tell the user what happens next
 */
export async function interruptible<T>(
  onFirst: () => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = (current = new AbortController());
  const ask = () => {
    if (abort.signal.aborted) return;
    onFirst();
    abort.abort();
  };
  const stop = () => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    ask();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', ask);
  let idle: (() => void) | undefined;
  // If nothing can settle the promise that `work` waits for, Node exits silently: end with an error instead.
  const stalled = new Promise<never>((_, fail) => {
    idle = () => {
      if (abort.signal.aborted) fail(abort.signal.reason as Error);
      else abort.abort(STALLED);
    };
    process.on('beforeExit', idle);
  });
  const because = (): unknown => abort.signal.reason;
  try {
    const result = await Promise.race([work(abort.signal), stalled]);
    if (because() instanceof GrpoError) throw because();
    return result;
  } catch (error) {
    throw isAbort(error) && because() instanceof GrpoError ? because() : error;
  } finally {
    current = undefined;
    process.removeListener('beforeExit', idle!);
    left ||= abort.signal.aborted;
    // After one signal there may be a second, which must not end what is saved with another status.
    if (!abort.signal.aborted) {
      process.removeListener('SIGINT', stop);
      process.removeListener('SIGTERM', stop);
      process.removeListener('SIGHUP', ask);
    }
  }
}

/** Whether `error` only says that the work was aborted. */
export function isAbort(error: unknown): boolean {
  if (error instanceof GrpoError) return error.code === 'ABORTED';
  return error instanceof Error && error.name === 'AbortError';
}
