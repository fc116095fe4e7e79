/** A run that pages watch: read once for all of them, followed while any is open. */
import type { RunReader } from './run-reader.js';
import type { Update } from './types.js';

/** Milliseconds between two looks at the files. */
const PAUSE = 300;

type Listener = (message: { event: 'update'; data: Update } | { event: 'reset' }) => void;

export class LiveRun {
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(readonly reader: RunReader) {}

  /** @returns ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#schedule();
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** What is there now; open pages are told of it too. */
  async look(): Promise<void> {
    // One at a time: two would read the same lines.
    this.#looking = this.#looking.then(async () => {
      const news = await this.reader.follow().catch(() => null);
      if (news === 'reset') this.#tell({ event: 'reset' });
      else if (news) this.#tell({ event: 'update', data: news });
    });
    await this.#looking;
  }

  /** Open pages are told of the last things too. */
  async close(): Promise<void> {
    await this.look();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#listeners.clear();
  }

  #tell(message: Parameters<Listener>[0]): void {
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
