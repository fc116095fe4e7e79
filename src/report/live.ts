/** A block of lines at the end of the terminal that is drawn anew in place. */
import { fit } from './text.js';
import { stripVTControlCharacters } from 'node:util';

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

export class LiveBlock {
  readonly #out: Output;
  #lines: string[] = [];
  #hidden = false;
  readonly #restore = () => this.#out.write(SHOW_CURSOR);

  constructor(out: Output) {
    this.#out = out;
  }

  /** Shows `lines` in place of those before. */
  draw(lines: string[]): void {
    const columns = Math.max(20, this.#out.columns ?? 80);
    const shown = lines.map((line) =>
      // Colours have no width, but a cut line must not lose the code that ends them.
      stripVTControlCharacters(line).length > columns - 1
        ? fit(stripVTControlCharacters(line), columns - 1)
        : line,
    );
    let text = '';
    if (!this.#hidden) {
      text += HIDE_CURSOR;
      this.#hidden = true;
      process.once('exit', this.#restore);
    }
    this.#out.write(text + this.#back() + shown.map((line) => `${line}\n`).join(''));
    this.#lines = shown;
  }

  /** Prints above the block, for good. */
  print(text: string): void {
    const lines = this.#lines;
    this.#out.write(`${this.#back()}${text}\n${lines.map((line) => `${line}\n`).join('')}`);
  }

  /** Leaves the block as it stands. */
  end(): void {
    if (this.#hidden) {
      this.#restore();
      process.removeListener('exit', this.#restore);
    }
    this.#hidden = false;
    this.#lines = [];
  }

  clear(): void {
    this.#out.write(this.#back());
    this.#lines = [];
    this.end();
  }

  #back(): string {
    return this.#lines.length === 0 ? '' : `\x1b[${this.#lines.length}A\r\x1b[J`;
  }
}
