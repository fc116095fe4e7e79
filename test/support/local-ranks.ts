/** Ranks that are coroutines of one process: what several processes do, without MPI. */
import type { Ranks } from '../../src/engine/ranks/ranks.js';
import { fakeModel, type FakeModel } from './fake-model.js';

type Told = { value: unknown } | { error: unknown };

/** What the ranks of a group share. */
class Meeting {
  /** Errors that all have. */
  readonly agreed = new Set<unknown>();
  #told: Told[] = [];
  #waiting: ((told: Told[]) => void)[] = [];

  constructor(readonly size: number) {}

  /** Waits until all ranks have come. */
  bring(rank: number, told: Told): Promise<Told[]> {
    this.#told[rank] = told;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length < this.size) return;
      const [all, waiting] = [this.#told, this.#waiting];
      this.#told = [];
      this.#waiting = [];
      for (const come of waiting) come(all);
    });
  }
}

export class LocalRanks implements Ranks {
  readonly library = 'none';
  readonly local = 1;
  readonly #interruption = new AbortController();
  #asked: AbortSignal | undefined;
  /** Errors that ended this rank. */
  readonly failures: unknown[] = [];

  private constructor(
    private readonly meeting: Meeting,
    readonly rank: number,
  ) {}

  static group(size: number): LocalRanks[] {
    const meeting = new Meeting(size);
    return Array.from({ length: size }, (_, rank) => new LocalRanks(meeting, rank));
  }

  get size(): number {
    return this.meeting.size;
  }

  follow(asked: AbortSignal | undefined): AbortSignal {
    this.#asked = asked;
    return this.#interruption.signal;
  }

  async all<T>(work: () => Promise<T>): Promise<T[]> {
    const asked = this.#asked?.aborted ?? false;
    const told: Told & { asked?: boolean } = await work().then(
      (value) => ({ value, asked }),
      (error: unknown) => ({ error, asked }),
    );
    if ('error' in told && this.meeting.agreed.has(told.error)) throw told.error;
    const all = await this.meeting.bring(this.rank, told);
    if (all.some((one) => (one as { asked?: boolean }).asked)) this.#interruption.abort();
    for (const one of all) {
      if (!('error' in one)) continue;
      this.meeting.agreed.add(one.error);
      throw one.error;
    }
    return all.map((one) => (one as { value: T }).value);
  }

  async once<T>(work: () => Promise<T>): Promise<T> {
    const [value] = await this.all(async () => (this.rank === 0 ? work() : (undefined as T)));
    return value!;
  }

  fail(error: unknown): void {
    this.failures.push(error);
  }
}

/** A fake model whose gradients are added up over ranks. */
export async function summableModel(ranks: Ranks): Promise<FakeModel & { sumGradients(): Promise<void> }> {
  const model = await fakeModel();
  return Object.assign(model, {
    async sumGradients() {
      const all = await ranks.all(() => Promise.resolve(model.gradients.slice()));
      model.gradients = model.gradients.map((_, i) => all.reduce((sum, one) => sum + one[i]!, 0));
    },
  });
}
