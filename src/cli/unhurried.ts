/**
 * An output whose reader may be slow, stopped or gone (a pager, a terminal held with Ctrl-S, a line that is dead):
 * what it doesn't take waits in memory up to a limit, and the rest is left out. Nobody waits for it.
 */
import type { Output } from '../ui/terminal/live.js';

/** Of a stream, what is asked here. */
export interface Stream extends Output {
  readonly writableLength: number;
  readonly writable: boolean;
}

/** Characters that wait: some thousand steps. */
const LIMIT = 8 << 20;

export class UnhurriedOutput implements Output {
  readonly #stream: Stream;
  readonly #gap: (lines: number) => string;
  readonly #limit: number;
  #leftOut = 0;

  /** @param gap what stands in place of so many lines that were left out */
  constructor(stream: Stream, gap: (lines: number) => string, limit = LIMIT) {
    this.#stream = stream;
    this.#gap = gap;
    this.#limit = limit;
    // Node waits for a terminal, and so for whoever holds it; for a pipe it doesn't.
    const { _handle: handle } = stream as { _handle?: { setBlocking?: (on: boolean) => unknown } };
    handle?.setBlocking?.(false);
  }

  get isTTY() {
    return this.#stream.isTTY;
  }
  // A terminal that doesn't know its size says 0, and nothing would be drawn.
  get columns() {
    return this.#stream.columns || (this.#stream.isTTY ? 80 : undefined);
  }
  get rows() {
    return this.#stream.rows || 24;
  }
  /** Whether something waits still. */
  get busy(): boolean {
    return this.#stream.writable && this.#stream.writableLength > 0;
  }

  on(event: 'resize', listener: () => void): void {
    this.#stream.on?.(event, listener);
  }
  off(event: 'resize', listener: () => void): void {
    this.#stream.off?.(event, listener);
  }

  /** @param text whole lines, where it is no terminal */
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
   * Gives the reader time to take what waits.
   * @param patience milliseconds in which it must take something
   * @returns whether all was taken
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
