/** Keeps two processes from building in the same folder at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire, isElsewhere, type Holder } from '../../machine/process-lock.js';

/** Runs `work` while holding `file`; waits for a living holder, takes over from a dead one. */
export async function withLock<T>(
  file: string,
  onWait: ((line: string) => void) | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let told = false;
  for (;;) {
    const lock = acquire(file);
    if (lock.held) {
      try {
        return await work();
      } finally {
        lock.release();
      }
    }
    if (!told) onWait?.(`Another build is running${by(lock.holder, file)}: waiting for it`);
    told = true;
    await sleep(300);
  }
}

function by(holder: Holder | undefined, file: string): string {
  if (!holder) return '';
  if (!isElsewhere(holder)) return ` (process ${holder.pid})`;
  return ` (process ${holder.pid} on ${holder.host}, since ${holder.since}; if it runs no more, remove ${file})`;
}
