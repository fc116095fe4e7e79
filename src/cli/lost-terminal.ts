import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * Lets Node exit normally when the terminal is gone. At its exit Node restores the terminal's settings, and aborts
 * if that fails: exit status 134, in place of the real one. File descriptors of a lost terminal are replaced by
 * /dev/null just before, so that there is nothing to restore.
 */
export function surviveLostTerminal(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.once('exit', () => {
    for (const fd of terminals) {
      if (isatty(fd)) continue;
      closeSync(fd);
      // Gets the file descriptor that has just been closed.
      openSync('/dev/null', 'r+');
    }
  });
}
