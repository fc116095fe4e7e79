/** Ctrl-C: the first one asks, the second one leaves. A terminal that closes asks too. */
import { GrpoError } from '../common/errors.js';

export const INTERRUPTED = 130;

/**
 * Runs `work` with a signal that the first SIGINT, SIGTERM or SIGHUP aborts; a second SIGINT or SIGTERM ends the
 * process at once. SIGHUP only ever asks: shell and system may both send it for one terminal.
 * @param onFirst says what happens now
 */
export async function interruptible<T>(
  onFirst: () => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
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
  try {
    return await work(abort.signal);
  } finally {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
    // After one there may be a second, which must not end what is saving or saved.
    if (!abort.signal.aborted) process.removeListener('SIGHUP', ask);
  }
}

/** Whether `error` is only the answer to an abort. */
export function isAbort(error: unknown): boolean {
  if (error instanceof GrpoError) return error.code === 'ABORTED';
  return error instanceof Error && error.name === 'AbortError';
}
