/** Ctrl-C: the first one asks, the second one leaves. A terminal that closes asks too, and whatever else must end a run. */
import { GrpoError } from '../common/errors.js';
import { asOurs } from '../machine/user-module.js';

export const INTERRUPTED = 130;

const STALLED = new GrpoError('STALLED', 'the run waits for a promise that nothing can settle any more', {
  fix: 'look for a promise that is never resolved in the reward or the task; --reward-timeout ends the wait for a reward',
  exitCode: 1,
});

/** Of the work at hand. */
let current: AbortController | undefined;

let left = false;

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
 * process at once. SIGHUP only ever asks: shell and system may both send it for one terminal.
 * @param onFirst says what happens now
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
  // With nothing left to wait for, `work` would never end, and Node would without a word.
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

/** Whether `error` is only the answer to an abort. */
export function isAbort(error: unknown): boolean {
  if (error instanceof GrpoError) return error.code === 'ABORTED';
  return error instanceof Error && error.name === 'AbortError';
}
