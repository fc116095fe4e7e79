/** A run that open pages watch. Its files are read once for all pages, and followed while any page is open. */
import type { RunReader } from './run-reader.js';
import type { Update } from './types.js';

/** Milliseconds between two reads of the files. */
const PAUSE = 300;

type Listener = (message: { event: 'update'; data: Update } | { event: 'reset' }) => void;

export class LiveRun {
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(readonly reader: RunReader) {}

  /** @returns a function that removes the listener */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#schedule();
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Reads what was added to the files, and sends it to open pages. */
  async look(): Promise<void> {
    // One read at a time: two at once would read the same lines.
    this.#reading = this.#reading.then(async () => {
      const news = await this.reader.follow().catch(() => null);
      if (news === 'reset') this.#broadcast({ event: 'reset' });
      else if (news) this.#broadcast({ event: 'update', data: news });
    });
    await this.#reading;
  }

  /** Sends the last updates to open pages, then stops. */
  async close(): Promise<void> {
    await this.look();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#listeners.clear();
  }

  #broadcast(message: Parameters<Listener>[0]): void {
    for (const listener of this.#listeners) listener(message);
  }

  #schedule(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      void this.look().then(() => {
        if (!this.#timer) return;
        this.#timer = undefined;
        if (this.#listeners.size > 0) this.#schedule();
      });
    }, PAUSE);
    this.#timer.unref();
  }
}
