/** A real terminal's screen without a terminal: what is written is what a person would see. */
import headless from '@xterm/headless';
import type { Output } from '../../src/ui/terminal/live.js';

export class Screen implements Output {
  readonly isTTY = true;
  readonly #terminal;
  readonly #listeners = new Set<() => void>();

  constructor(
    public columns: number,
    public rows = 24,
  ) {
    this.#terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  }

  write(text: string): void {
    this.#terminal.write(text);
  }

  on(_event: 'resize', listener: () => void): void {
    this.#listeners.add(listener);
  }

  off(_event: 'resize', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** As a window does: the terminal breaks its lines anew, then tells. */
  async resize(columns: number): Promise<void> {
    await this.#settled();
    this.#terminal.resize(columns, this.rows);
    this.columns = columns;
    for (const listener of this.#listeners) listener();
  }

  /** Lines from the first one ever written to the last that isn't empty. */
  async lines(): Promise<string[]> {
    await this.#settled();
    const { active } = this.#terminal.buffer;
    const lines = Array.from({ length: active.length }, (_, i) => active.getLine(i)!.translateToString(true));
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
  }

  #settled(): Promise<void> {
    return new Promise((done) => this.#terminal.write('', done));
  }
}
