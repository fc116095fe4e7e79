/**
 * Delivers entries to one tracker in the background, so that the run never waits. Entries that can't be sent
 * are kept, up to a limit, and sent again later; when the run has ended, for a few seconds more. The first
 * failure gives a notice, and at the end another one says how many entries were lost.
 */
import { PermanentError, type Ending, type Entry, type Tracker, type TrackerName } from './tracker.js';

/** Limits of a delivery. */
export interface Patience {
  /** Number of entries that are kept while the tracker can't be reached; then the oldest are dropped. */
  kept: number;
  /** Milliseconds before the first retry; doubled for each further one, up to `longest`. */
  first: number;
  longest: number;
  /** Milliseconds that a call may take. */
  call: number;
  /** Milliseconds in all that the end of the run may wait. */
  end: number;
}

const PATIENCE: Patience = { kept: 10_000, first: 1000, longest: 30_000, call: 15_000, end: 5000 };

/** Longest wait before a retry once the run has ended, milliseconds. */
const LAST_WAIT = 1000;

export class Delivery {
  readonly #name: TrackerName;
  readonly #tracker: Tracker;
  readonly #notice: (text: string) => void;
  readonly #patience: Patience;
  readonly #waiting: Entry[] = [];
  /** Aborted when the time at the end of the run is over. */
  readonly #deadline = new AbortController();
  #wake: (() => void) | undefined;
  #work: Promise<void> | undefined;
  #begun = false;
  /** The tracker refused the run, so no entry can be sent. */
  #off = false;
  #ending = false;
  #ended = false;
  /** Number of entries in the call that is in progress. */
  #inFlight = 0;
  #sent = 0;
  #lost = 0;
  #problem: string | undefined;

  constructor(
    name: TrackerName,
    tracker: Tracker,
    notice: (text: string) => void,
    patience: Partial<Patience> = {},
  ) {
    this.#name = name;
    this.#tracker = tracker;
    this.#notice = notice;
    this.#patience = { ...PATIENCE, ...patience };
    void this.#start();
  }

  add(entry: Entry): void {
    this.#waiting.push(entry);
    if (this.#waiting.length > this.#patience.kept) {
      this.#waiting.shift();
      this.#lost++;
    }
    void this.#start();
  }

  /**
   * Sends what is left, ends the run at the tracker, and reports what was lost. Takes `patience.end` at most.
   */
  async end(ending: Ending): Promise<void> {
    this.#ending = true;
    this.#wake?.();
    const late = new Promise<void>((done) => this.#deadline.signal.addEventListener('abort', () => done()));
    const timer = setTimeout(() => this.#deadline.abort(), this.#patience.end);
    // A write to a disk that hangs can't be aborted, so it is not waited for.
    await Promise.race([this.#finish(ending), late]);
    clearTimeout(timer);
    const lost = this.#lost + this.#waiting.length + this.#inFlight;
    if (lost > 0)
      this.#tell(
        `${lost} of ${lost + this.#sent} entries were not delivered (${this.#problem ?? 'no time was left'}); metrics.jsonl has all of them`,
      );
    this.#ended = true;
  }

  async #finish(ending: Ending): Promise<void> {
    try {
      await this.#start();
      if (this.#begun && !this.#over) {
        const left = await this.#call((signal) => this.#tracker.end(ending, signal));
        if (left !== undefined) this.#tell(left);
      }
    } catch (error) {
      this.#failed(error, '');
    }
    await this.#tracker.close?.().catch((error: unknown) => this.#failed(error, ''));
  }

  #start(): Promise<void> {
    return (this.#work ??= this.#deliver().finally(() => (this.#work = undefined)));
  }

  get #over(): boolean {
    return this.#off || this.#deadline.signal.aborted;
  }

  /** Begins the run at the tracker, and sends entries until none is left. */
  async #deliver(): Promise<void> {
    // Deferred, so that the step that adds an entry is not held up.
    await new Promise(setImmediate);
    let wait = this.#patience.first;
    while (!this.#over && (!this.#begun || this.#waiting.length > 0)) {
      const entries = this.#begun ? this.#waiting.splice(0, this.#tracker.most) : [];
      this.#inFlight = entries.length;
      try {
        if (this.#begun) await this.#call((signal) => this.#tracker.send(entries, signal));
        else this.#tell(await this.#call((signal) => this.#tracker.begin(signal)));
        this.#begun = true;
        this.#inFlight = 0;
        this.#sent += entries.length;
        wait = this.#patience.first;
        if (!this.#ending) await this.#sleep(this.#tracker.pause);
      } catch (error) {
        this.#inFlight = 0;
        if (error instanceof PermanentError) {
          this.#lost += entries.length;
          this.#off = !this.#begun;
          this.#failed(error, 'the run goes on without it');
          continue;
        }
        this.#waiting.unshift(...entries);
        this.#failed(error, 'the run goes on, and it is tried again');
        await this.#sleep(this.#ending ? Math.min(wait, LAST_WAIT) : wait);
        wait = Math.min(2 * wait, this.#patience.longest);
      }
    }
  }

  /** Calls `what` with a signal that is aborted when the time of the call, or of the delivery, is over. */
  async #call<T>(what: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = new AbortController();
    const stop = () => limit.abort();
    const timer = setTimeout(stop, this.#patience.call);
    this.#deadline.signal.addEventListener('abort', stop);
    try {
      return await what(limit.signal);
    } catch (error) {
      if (limit.signal.aborted) throw new Error('it does not answer', { cause: error });
      throw error;
    } finally {
      clearTimeout(timer);
      this.#deadline.signal.removeEventListener('abort', stop);
    }
  }

  /** Waits; cut short by the end of the run and by the deadline. */
  async #sleep(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
      this.#deadline.signal.addEventListener('abort', this.#wake, { once: true });
    });
    if (this.#wake) this.#deadline.signal.removeEventListener('abort', this.#wake);
    this.#wake = undefined;
  }

  /** Gives a notice of the first failure. */
  #failed(error: unknown, sequel: string): void {
    const problem = error instanceof Error ? error.message : String(error);
    const first = this.#problem === undefined;
    // The error of a call that was cut off at the deadline says less than an earlier one.
    if (first || !this.#deadline.signal.aborted) this.#problem = problem;
    if (first) this.#tell(sequel ? `${problem}; ${sequel}` : problem);
  }

  #tell(text: string): void {
    if (this.#ended) return;
    try {
      this.#notice(`${this.#name}: ${text}`);
    } catch {
      // An error of the callback must not stop the delivery.
    }
  }
}
