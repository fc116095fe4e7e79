import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * Node puts the terminal's settings back as it ends, and aborts where the terminal is gone (exit status 134, and all
 * that is worth knowing lost). From here on it finds nothing to put back then.
 */
export function surviveLostTerminal(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.once('exit', () => {
    for (const fd of terminals) {
      if (isatty(fd)) continue;
      closeSync(fd);
      // It gets the number that has just become free.
      openSync('/dev/null', 'r+');
    }
  });
}
