/** A block of lines at the end of the terminal that is drawn anew in place, by log-update. */
import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';
import { fit, wrapped } from './text.js';

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
  /** Whether what was written before waits still: there is no use in drawing more. */
  busy?: boolean | undefined;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** Columns where there is no terminal, or one that doesn't know its width. */
const WIDE = 100;

/** Nothing narrower than 20 is drawn for. */
export const columnsOf = (out: Output): number => Math.max(20, out.columns || WIDE);

/** A terminal would break lines in the middle of a word; a file's are as long as they are. */
export const fitted = (text: string, out: Output): string =>
  out.isTTY ? wrapped(text, columnsOf(out)) : text;

const ERASE_LINE = '\x1b[2K';
const UP = '\x1b[1A';

export class LiveBlock {
  readonly #out: Output;
  readonly #update: ReturnType<typeof createLogUpdate>;
  /** As it stands on the screen, and the width it was drawn for. */
  #lines: string[] = [];
  #columns = 0;
  #lastDraw: (() => string[]) | undefined;
  readonly #onResize = () => {
    this.#forgetReflow();
    if (this.#lastDraw) this.draw(this.#lastDraw);
  };

  constructor(out: Output) {
    this.#out = out;
    // Of a stream it asks no more than `Output` has.
    this.#update = createLogUpdate(out as Parameters<typeof createLogUpdate>[0]);
    out.on?.('resize', this.#onResize);
  }

  /** Shows lines in place of those before; a function makes them anew when the window changes its width. */
  draw(lines: string[] | (() => string[])): void {
    this.#lastDraw = typeof lines === 'function' ? lines : () => lines;
    const columns = columnsOf(this.#out);
    this.#columns = columns;
    this.#lines = this.#lastDraw().map((line) =>
      // Colours have no width, but a cut line must not lose the code that ends them.
      stringWidth(line) > columns - 1 ? fit(stripVTControlCharacters(line), columns - 1) : line,
    );
    this.#update(this.#lines.join('\n'));
  }

  /** Prints above the block, for good. */
  print(text: string): void {
    this.#update.clear();
    this.#out.write(`${text}\n`);
    if (this.#lines.length > 0) this.#update(this.#lines.join('\n'));
  }

  /** Leaves the block as it stands. */
  end(): void {
    this.#update.done();
    this.#out.off?.('resize', this.#onResize);
    this.#lines = [];
    this.#lastDraw = undefined;
  }

  clear(): void {
    this.#update.clear();
    this.end();
  }

  /** A window that became narrower broke lines in two: log-update clears as many as it wrote, these are the others. */
  #forgetReflow(): void {
    const columns = columnsOf(this.#out);
    if (columns >= this.#columns) return;
    const more = this.#lines
      .map((line) => Math.max(0, Math.ceil(stringWidth(line) / columns) - 1))
      .reduce((sum, lines) => sum + lines, 0);
    this.#out.write((ERASE_LINE + UP).repeat(more) + ERASE_LINE);
  }
}
