/**
 * A non-blocking output, for readers that may be slow, stopped or gone (a pager, a terminal held with Ctrl-S, a dead
 * connection). What the reader doesn't take is buffered in memory up to a limit; beyond it, lines are dropped. The
 * run never waits for the reader.
 */
import type { Output } from '../ui/terminal/live.js';

/** The members of a stream that are used here. */
export interface Stream extends Output {
  readonly writableLength: number;
  readonly writable: boolean;
}

/** Most characters that are buffered: the output of some thousand steps. */
const LIMIT = 8 << 20;

export class UnhurriedOutput implements Output {
  readonly #stream: Stream;
  readonly #gap: (lines: number) => string;
  readonly #limit: number;
  #leftOut = 0;

  /** @param gap returns the text that is printed in place of a number of dropped lines */
  constructor(stream: Stream, gap: (lines: number) => string, limit = LIMIT) {
    this.#stream = stream;
    this.#gap = gap;
    this.#limit = limit;
    // Node's writes to a terminal block until it takes them; those to a pipe don't.
    const { _handle: handle } = stream as { _handle?: { setBlocking?: (on: boolean) => unknown } };
    handle?.setBlocking?.(false);
  }

  get isTTY() {
    return this.#stream.isTTY;
  }
  // A terminal that doesn't know its size reports 0, for which nothing would be drawn.
  get columns() {
    return this.#stream.columns || (this.#stream.isTTY ? 80 : undefined);
  }
  get rows() {
    return this.#stream.rows || 24;
  }
  /** Whether the reader has not yet taken everything. */
  get busy(): boolean {
    return this.#stream.writable && this.#stream.writableLength > 0;
  }

  on(event: 'resize', listener: () => void): void {
    this.#stream.on?.(event, listener);
  }
  off(event: 'resize', listener: () => void): void {
    this.#stream.off?.(event, listener);
  }

  /** @param text complete lines, if the output is no terminal */
  write(text: string): void {
    if (this.#stream.writableLength + text.length > this.#limit) {
      this.#leftOut += text.split('\n').length - 1;
      return;
    }
    if (this.#leftOut > 0) this.#stream.write(this.#gap(this.#leftOut));
    this.#leftOut = 0;
    this.#stream.write(text);
  }

  /**
   * Waits for the reader to take what is buffered.
   * @param patience gives up when the reader has taken nothing for this many milliseconds
   * @returns whether the reader took everything
   */
  async drained(patience: number): Promise<boolean> {
    let left = this.#stream.writableLength;
    for (let since = performance.now(); this.busy;) {
      await new Promise((done) => setTimeout(done, 20));
      if (this.#stream.writableLength < left) since = performance.now();
      else if (performance.now() - since > patience) return false;
      left = this.#stream.writableLength;
    }
    return true;
  }
}
