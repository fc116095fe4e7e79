/**
 * The processes that train together (MPI's ranks). All run the same program on the same options; what one of them
 * computes for all is exchanged here. Every call is collective: all ranks make the same calls in the same order.
 */
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { deserialize, serialize } from 'node:v8';
import { GrpoError } from '../../common/errors.js';
import { loadAddon } from '../addon.js';
import { mpiBuild } from './build.js';
import { launched } from './launched.js';

/** Seconds that a rank waits for the others before the run is ended. */
export const DEADLINE = 1800;

/** The processes that train together, as one of them sees them. */
export interface Ranks {
  /** Number of this process, from 0. The first one writes and prints. */
  readonly rank: number;
  /** Number of processes. */
  readonly size: number;
  /** Number of those on this machine. */
  readonly local: number;
  /** Name and version of MPI. */
  readonly library: string;
  /**
   * A signal that all ranks see at the same call, once any of them was asked to end.
   * @param asked what asks this one
   */
  follow(asked: AbortSignal | undefined): AbortSignal;
  /**
   * Does a part of the work in each rank; `[ranks]` what they gave. Where one fails, all fail as it did. The work may
   * have such work within it.
   */
  all<T>(work: () => Promise<T>): Promise<T[]>;
  /** Does work in the first rank alone; all get what it gave. */
  once<T>(work: () => Promise<T>): Promise<T>;
  /**
   * After an error of a run. Where all ranks have it, they leave together; where this one
   * alone has it, the others would wait in vain, and are ended.
   */
  fail(error: unknown): void;
}

/**
 * Joins the processes that MPI has started together, once a process; undefined: this one is alone.
 * @throws {GrpoError} MPI_MISSING, MPI_BROKEN, RANKS_FAILED
 */
export const startRanks = (): Promise<Ranks | undefined> => (started ??= MpiRanks.start());
let started: Promise<Ranks | undefined> | undefined;

/** Errors that all ranks have. */
const agreed = new WeakSet<object>();

/** Whether all ranks have this error, of which the first one tells. */
export const isAgreed = (error: unknown): boolean => agreed.has(Object(error) as object);

/** What a rank tells the others of its part. */
interface Told<T> {
  value?: T;
  error?: { code: string; message: string; fix: string; exitCode: 1 | 2 };
  /** It was asked to end. */
  interrupted: boolean;
}

class MpiRanks implements Ranks {
  readonly #interruption = new AbortController();
  /** All leave for the same reason. */
  #leaving = false;
  #asked: AbortSignal | undefined;
  #local = 1;

  private constructor(
    readonly rank: number,
    readonly size: number,
    readonly library: string,
  ) {}

  static async start(): Promise<Ranks | undefined> {
    const { size: expected } = launched();
    if (expected === 1) return undefined;
    const build = mpiBuild();
    if (!build)
      throw new GrpoError(
        'MPI_MISSING',
        `${expected} processes were started together, and MPI was not set up`,
        {
          fix: 'run once: npx grpo-native setup --mpi; or start one process alone',
          value: expected,
        },
      );
    const { rank, size, library } = loadAddon().ranks.start(build.object);
    if (size !== expected)
      throw new GrpoError(
        'MPI_BROKEN',
        `${expected} processes were started together, and MPI knows of ${size}`,
        {
          fix: `start them with ${build.mpirun}, or set MPI up again with the one that is used: npx grpo-native setup --mpi`,
          value: size,
        },
      );
    const ranks = new MpiRanks(rank, size, library.split('\n')[0]!.trim());
    const hosts = await ranks.all(() => Promise.resolve(hostname()));
    ranks.#local = hosts.filter((host) => host === hosts[rank]).length;
    // The last thing that a process does: MPI ends when all have come to it.
    process.once('exit', (code) => {
      if (code === 0 || ranks.#leaving) loadAddon().ranks.finish();
      else loadAddon().ranks.abort(code);
    });
    return ranks;
  }

  get local(): number {
    return this.#local;
  }

  follow(asked: AbortSignal | undefined): AbortSignal {
    this.#asked = asked;
    return this.#interruption.signal;
  }

  async all<T>(work: () => Promise<T>): Promise<T[]> {
    let own: Told<T>;
    let failure: unknown;
    const interrupted = this.#asked?.aborted ?? false;
    try {
      own = { value: await work(), interrupted };
    } catch (error) {
      // Within other work: the others have it already.
      if (isAgreed(error)) throw error;
      failure = error;
      own = { error: plain(error), interrupted };
    }
    const told = (await loadAddon().ranks.gather(serialize(own), DEADLINE)).map(
      (bytes) => deserialize(bytes) as Told<T>,
    );
    if (told.some((one) => one.interrupted)) {
      this.#leaving = true;
      this.#interruption.abort(this.#asked?.reason);
    }
    const failed = told.findIndex(({ error }) => error !== undefined);
    if (failed < 0) return told.map(({ value }) => value as T);
    const error = failed === this.rank ? failure : asError(failed, told[failed]!.error!);
    agreed.add(Object(error) as object);
    throw error;
  }

  async once<T>(work: () => Promise<T>): Promise<T> {
    const [value] = await this.all(async () => (this.rank === 0 ? work() : (undefined as T)));
    return value!;
  }

  fail(error: unknown): void {
    if (isAgreed(error)) {
      this.#leaving = true;
      return;
    }
    const { code, message, fix, exitCode } = plain(error);
    writeSync(2, `error ${code}: rank ${this.rank}: ${message}\nfix: ${fix}\n`);
    loadAddon().ranks.abort(exitCode);
  }
}

function plain(error: unknown): NonNullable<Told<unknown>['error']> {
  if (error instanceof GrpoError) {
    const { code, message, fix, exitCode } = error;
    return { code, message, fix, exitCode };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'RANK_FAILED',
    message,
    fix: 'look for what throws it: a task, a reward or a defect; one process alone shows where (leave --processes out)',
    exitCode: 1,
  };
}

const asError = (rank: number, { code, message, fix, exitCode }: ReturnType<typeof plain>) =>
  new GrpoError(code, `rank ${rank}: ${message}`, { fix, exitCode });
