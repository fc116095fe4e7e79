/** Output of commands: results go to standard output, everything else to standard error. */
import type { DownloadProgress } from '../hub/download.js';
import { LiveBlock } from '../ui/terminal/live.js';
import { bar } from '../ui/terminal/sparkline.js';
import { bytes, percent } from '../common/format.js';

export function printJsonLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Prints a notice, which is no result. */
export const toStandardError = (text: string): void => void process.stderr.write(`${text}\n`);

/** A progress bar for downloads; without a terminal, a line per file. */
export function downloadBar(): { onProgress: (progress: DownloadProgress) => void; end: () => void } {
  const out = process.stderr;
  const live = out.isTTY ? new LiveBlock(out) : undefined;
  let file = '';
  let drawn = 0;
  let began = { at: 0, received: 0 };
  return {
    onProgress({ file: name, received, total }) {
      const now = performance.now();
      if (name !== file) {
        file = name;
        began = { at: now, received };
        if (!live) out.write(`downloading ${name} (${bytes(total)})\n`);
      }
      if (!live || (now - drawn < 100 && received < total)) return;
      drawn = now;
      const rate = (received - began.received) / Math.max(0.001, (now - began.at) / 1000);
      live.draw([
        `${name}  ${bar(received, total, 30)} ${percent(total > 0 ? received / total : 1, 0)}  ${bytes(received)} of ${bytes(total)}, ${bytes(rate)}/s`,
      ]);
    },
    end: () => live?.clear(),
  };
}

/** A progress bar on standard error; nothing without a terminal. */
export function progressLine(what: string): {
  update: (done: number, total: number) => void;
  end: () => void;
} {
  const live = process.stderr.isTTY ? new LiveBlock(process.stderr) : undefined;
  return {
    update: (done, total) => live?.draw([`${what}  ${bar(done, total, 30)} ${done} of ${total}`]),
    end: () => live?.clear(),
  };
}
