/**
 * Brings entries to one tracker while the run goes on, and never lets the run wait: what can't be sent is kept and
 * tried again, up to a bound, and at the end for a few seconds. A failure is told once, what was lost at the end.
 */
import { Unacceptable, type Ending, type Entry, type Tracker, type TrackerName } from './tracker.js';

export interface Patience {
  /** Entries kept while the tracker doesn't take them; the oldest make room. */
  kept: number;
  /** Milliseconds before the first repeat; doubled each time, up to `longest`. */
  first: number;
  longest: number;
  /** Milliseconds that a call may take. */
  call: number;
  /** Milliseconds, all in all, that the end of the run may wait. */
  end: number;
}

const PATIENCE: Patience = { kept: 10_000, first: 1000, longest: 30_000, call: 15_000, end: 5000 };

/** Of a wait before a repeat, once the run has ended. */
const LAST_WAIT = 1000;

export class Delivery {
  readonly #name: TrackerName;
  readonly #tracker: Tracker;
  readonly #notice: (text: string) => void;
  readonly #patience: Patience;
  readonly #waiting: Entry[] = [];
  /** Aborted when no more time is left. */
  readonly #deadline = new AbortController();
  #wake: (() => void) | undefined;
  #work: Promise<void> | undefined;
  #begun = false;
  /** It refused the run: nothing that follows can be sent. */
  #off = false;
  #ending = false;
  #ended = false;
  /** Entries of the call that is under way. */
  #underway = 0;
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

  /** Sends what is left, tells the tracker, and says what was lost. Takes `patience.end` at most. */
  async end(ending: Ending): Promise<void> {
    this.#ending = true;
    this.#wake?.();
    const late = new Promise<void>((done) => this.#deadline.signal.addEventListener('abort', () => done()));
    const timer = setTimeout(() => this.#deadline.abort(), this.#patience.end);
    // A disk that hangs can't be told to stop: it is left behind.
    await Promise.race([this.#finish(ending), late]);
    clearTimeout(timer);
    const lost = this.#lost + this.#waiting.length + this.#underway;
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

  /** Until nothing waits. */
  async #deliver(): Promise<void> {
    // What begins here must not hold up the step that it begins in.
    await new Promise(setImmediate);
    let wait = this.#patience.first;
    while (!this.#over && (!this.#begun || this.#waiting.length > 0)) {
      const entries = this.#begun ? this.#waiting.splice(0, this.#tracker.most) : [];
      this.#underway = entries.length;
      try {
        if (this.#begun) await this.#call((signal) => this.#tracker.send(entries, signal));
        else this.#tell(await this.#call((signal) => this.#tracker.begin(signal)));
        this.#begun = true;
        this.#underway = 0;
        this.#sent += entries.length;
        wait = this.#patience.first;
        if (!this.#ending) await this.#sleep(this.#tracker.pause);
      } catch (error) {
        this.#underway = 0;
        if (error instanceof Unacceptable) {
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

  /** With a signal that says when its time, or all time, is over. */
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

  /** Cut short by the end of the run, and by the end of all time. */
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

  #failed(error: unknown, sequel: string): void {
    const problem = error instanceof Error ? error.message : String(error);
    const first = this.#problem === undefined;
    // A call that was cut off at the end says less than what went wrong before.
    if (first || !this.#deadline.signal.aborted) this.#problem = problem;
    if (first) this.#tell(sequel ? `${problem}; ${sequel}` : problem);
  }

  #tell(text: string): void {
    if (this.#ended) return;
    try {
      this.#notice(`${this.#name}: ${text}`);
    } catch {
      // Who can't be told is not told; entries go on.
    }
  }
}
