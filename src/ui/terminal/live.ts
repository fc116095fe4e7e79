/** A block of lines at the bottom of the terminal that is redrawn in place, with log-update. */
import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';
import { fit, wrapped } from './text.js';

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
  /** Whether earlier output has not been taken yet, so that there is no use in drawing. */
  busy?: boolean | undefined;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** Width assumed without a terminal, or if the terminal doesn't know its width. */
const WIDE = 100;

/** Width to draw for: that of the terminal, but at least 20. */
export const columnsOf = (out: Output): number => Math.max(20, out.columns || WIDE);

/** Wraps text between words for a terminal; text for a file stays as it is. */
export const fitted = (text: string, out: Output): string =>
  out.isTTY ? wrapped(text, columnsOf(out)) : text;

const ERASE_LINE = '\x1b[2K';
const UP = '\x1b[1A';

export class LiveBlock {
  readonly #out: Output;
  readonly #update: ReturnType<typeof createLogUpdate>;
  /** The lines on the screen, and the width for which they were drawn. */
  #lines: string[] = [];
  #columns = 0;
  #lastDraw: (() => string[]) | undefined;
  readonly #onResize = () => {
    this.#clearWrappedLines();
    if (this.#lastDraw) this.draw(this.#lastDraw);
  };

  constructor(out: Output) {
    this.#out = out;
    // log-update uses only the members of a stream that `Output` has.
    this.#update = createLogUpdate(out as Parameters<typeof createLogUpdate>[0]);
    out.on?.('resize', this.#onResize);
  }

  /** Replaces the block's lines. A function is called again when the window's width changes. */
  draw(lines: string[] | (() => string[])): void {
    this.#lastDraw = typeof lines === 'function' ? lines : () => lines;
    const columns = columnsOf(this.#out);
    this.#columns = columns;
    this.#lines = this.#lastDraw().map((line) =>
      // A line that must be cut loses its colours: cutting could remove the code that resets them.
      stringWidth(line) > columns - 1 ? fit(stripVTControlCharacters(line), columns - 1) : line,
    );
    this.#update(this.#lines.join('\n'));
  }

  /** Prints text above the block, where it stays. */
  print(text: string): void {
    this.#update.clear();
    this.#out.write(`${text}\n`);
    if (this.#lines.length > 0) this.#update(this.#lines.join('\n'));
  }

  /** Ends the block and leaves its last lines on the screen. */
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

  /** A narrower window wraps the block's lines. log-update clears as many lines as it wrote; this clears the additional ones. */
  #clearWrappedLines(): void {
    const columns = columnsOf(this.#out);
    if (columns >= this.#columns) return;
    const more = this.#lines
      .map((line) => Math.max(0, Math.ceil(stringWidth(line) / columns) - 1))
      .reduce((sum, lines) => sum + lines, 0);
    this.#out.write((ERASE_LINE + UP).repeat(more) + ERASE_LINE);
  }
}
