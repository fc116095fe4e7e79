/** Ctrl-C: the first one asks, the second one leaves. */
import { GrpoError } from '../errors.js';

export const INTERRUPTED = 130;

/**
 * Runs `work` with a signal that the first SIGINT or SIGTERM aborts; a second one ends the process at once.
 * @param onFirst says what happens now
 */
export async function interruptible<T>(
  onFirst: () => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const stop = () => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    onFirst();
    abort.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(abort.signal);
  } finally {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
}

/** Whether `error` is only the answer to an abort. */
export function isAbort(error: unknown): boolean {
  if (error instanceof GrpoError) return error.code === 'ABORTED';
  return error instanceof Error && error.name === 'AbortError';
}
