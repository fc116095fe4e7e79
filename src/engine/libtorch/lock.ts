/** Keeps two builds out of one folder. */
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire } from '../../machine/process-lock.js';

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
    if (!told)
      onWait?.(`Another build is running (process ${lock.holder?.pid ?? 'unknown'}): waiting for it`);
    told = true;
    await sleep(300);
  }
}
