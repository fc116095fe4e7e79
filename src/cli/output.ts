/** Where a command's words go: results to standard output, everything else to standard error. */
import type { DownloadProgress } from '../model/download.js';
import { LiveBlock } from '../ui/terminal/live.js';
import { bar } from '../ui/terminal/sparkline.js';
import { bytes, percent } from '../common/format.js';

export function printJsonLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A thing that a person should know beside the results. */
export const toStandardError = (text: string): void => void process.stderr.write(`${text}\n`);

/** A progress bar for downloads; a line a file where there is no terminal. */
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

/** `done` of `total` on standard error, drawn in place; nothing where there is no terminal. */
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
