/**
 * The folder of a run: its lock, and its files and subfolders, which are written whole or not at all.
 * `config.yaml`, `env.json`, `metrics.csv`, `metrics.jsonl`, `completions.jsonl`,
 * `checkpoints/checkpoint-N/`, `final/`, `best/`, `summary.json`, `report.html`.
 */
import { lstat, mkdir, readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { exists } from '../../machine/files.js';
import { parseYaml } from '../../config/load.js';
import { GrpoError } from '../../common/errors.js';
import { readJson } from '../../machine/paths.js';
import { acquire, isElsewhere, type Holder, type Lock } from '../../machine/process-lock.js';
import { duration } from '../../common/format.js';
import { BEST, CHECKPOINTS } from '../../model/run-weights.js';
import { asDiskError, diskError, replaceFolder, writeAtomic } from '../../machine/disk.js';

const LOCK = 'run.lock';

/** Files that lines are appended to. */
const LINES = ['metrics.csv', 'metrics.jsonl', 'completions.jsonl'];
/** Files and folders that a run writes: a folder with any of these holds a run. */
const TRACES = ['config.yaml', 'env.json', 'summary.json', CHECKPOINTS, 'final', BEST, ...LINES];

/** Error codes which mean that another run has the folder. */
const TAKEN = new Set(['RUN_LOCKED', 'OUTPUT_DIR_HOLDS_RUN']);

interface OpenOptions {
  resume: boolean;
  /** Whether a lock that a process on another machine holds is ignored (`--take-over`). */
  takeOver?: boolean;
}

export class RunFolder {
  #path: string;
  /** The path as it was given, for messages. */
  readonly #given: string;
  readonly #options: OpenOptions;
  /** Whether another name may be used where this one is taken. */
  readonly #anyName: boolean;
  #unlock: (() => void) | undefined;

  private constructor(path: string, options: OpenOptions, anyName: boolean) {
    this.#path = resolve(path);
    this.#given = path;
    this.#options = options;
    this.#anyName = anyName;
  }

  /**
   * Writes nothing yet.
   * @throws {GrpoError} OUTPUT_DIR_HOLDS_RUN, RESUME_NOTHING, RUN_FILE_LINK
   */
  static async open(path: string, options: OpenOptions): Promise<RunFolder> {
    const folder = new RunFolder(path, options, false);
    await folder.#check();
    return folder;
  }

  /** A new folder `parent/name`; where that is taken, `claim` appends a number. */
  static unnamed(name: string, parent = 'runs'): RunFolder {
    return new RunFolder(join(parent, name), { resume: false }, true);
  }

  get path(): string {
    return this.#path;
  }

  /**
   * Creates the folder and locks it until `release`. The checks of `open` are repeated under the lock, since
   * another process may have begun and ended a run there in between.
   */
  async claim(): Promise<void> {
    if (this.#unlock) return;
    if (!this.#anyName) {
      await this.#take();
      return;
    }
    const name = this.#path;
    for (let i = 1; ; i++) {
      this.#path = i === 1 ? name : `${name}-${i}`;
      if (!(await isMade(this.path))) continue;
      try {
        await this.#take();
        return;
      } catch (error) {
        if (!TAKEN.has((error as { code?: string }).code ?? '')) throw error;
      }
    }
  }

  /** Releases the lock. Idempotent. */
  release(): void {
    this.#unlock?.();
    this.#unlock = undefined;
  }

  async #take(): Promise<void> {
    await this.create();
    const unlock = this.lock();
    try {
      await this.#check();
      await this.mend();
    } catch (error) {
      unlock();
      throw error;
    }
    this.#unlock = unlock;
  }

  async #check(): Promise<void> {
    await this.refuseLinks();
    const holdsRun = await this.holdsRun();
    if (holdsRun && !this.#options.resume)
      throw new GrpoError('OUTPUT_DIR_HOLDS_RUN', `${this.#given} holds a run already`, {
        fix: 'continue it with --resume, or choose another --output-dir',
        value: this.#given,
      });
    if (!holdsRun && this.#options.resume)
      throw new GrpoError('RESUME_NOTHING', `${this.#given} holds no run to resume`, {
        fix: 'leave out --resume to start one, or give the --output-dir of the run',
        value: this.#given,
      });
  }

  async create(): Promise<void> {
    await mkdir(this.path, { recursive: true }).catch(diskError(this.path));
  }

  /** Repairs what a killed process left half done. The caller must hold the lock. */
  async mend(): Promise<void> {
    for (const folder of [this.path, this.file(CHECKPOINTS)]) await recover(folder).catch(diskError(folder));
  }

  /** Whether the folder was removed or moved. */
  async isGone(): Promise<boolean> {
    return !(await exists(this.file('config.yaml')));
  }

  /**
   * Locks the folder for this process.
   * @returns a function that releases the lock
   * @throws {GrpoError} RUN_LOCKED
   */
  lock(): () => void {
    let lock: Lock;
    try {
      lock = acquire(this.file(LOCK), this.#options);
    } catch (error) {
      throw asDiskError(error, this.path);
    }
    if (lock.held) return lock.release;
    throw this.#locked(lock.holder);
  }

  #locked(holder: Holder | undefined): GrpoError {
    const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.since}` : 'another process';
    const idle = `nothing was written there for ${duration(this.#secondsIdle())}`;
    const elsewhere = holder && isElsewhere(holder);
    return new GrpoError('RUN_LOCKED', `${this.path} is being written by ${who}; ${idle}`, {
      fix: `wait until it ends, or choose another --output-dir${elsewhere ? `; if that process has ended, add --take-over` : ''}`,
      value: holder?.pid,
    });
  }

  /** Seconds since any file of the run was written. */
  #secondsIdle(): number {
    const times = [LOCK, CHECKPOINTS, ...LINES].map(
      (name) => statSync(this.file(name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    );
    return Math.max(0, Date.now() - Math.max(...times)) / 1000;
  }

  /** Free bytes on the disk. */
  async freeSpace(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /**
   * Refuses symbolic links, which a run that was copied from elsewhere may contain: lines that are appended
   * to one would be written to another file.
   */
  private async refuseLinks(): Promise<void> {
    for (const name of LINES) {
      const info = await lstat(this.file(name)).catch(() => undefined);
      if (info === undefined || info.isFile()) continue;
      throw new GrpoError('RUN_FILE_LINK', `${this.file(name)} is a link, or no file at all`, {
        fix: 'put a copy of the file in its place, or choose another --output-dir',
        value: this.file(name),
      });
    }
  }

  async holdsRun(): Promise<boolean> {
    for (const name of TRACES) if (await exists(this.file(name))) return true;
    return false;
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** The summary of a run that ended regularly with `step` and saved its model; undefined where it didn't. */
  async endedAt(step: number): Promise<Record<string, unknown> | undefined> {
    const summary = await this.readJson('summary.json');
    const ended =
      summary?.interrupted === false && summary.steps === step && (await exists(this.file('final')));
    return ended ? summary : undefined;
  }

  async removeFile(name: string): Promise<void> {
    await rm(this.file(name), { force: true }).catch(diskError(this.file(name)));
  }

  writeConfig(config: Record<string, unknown>): Promise<void> {
    return writeAtomic(this.file('config.yaml'), stringify(config));
  }

  async readConfig(): Promise<Record<string, unknown> | undefined> {
    const file = this.file('config.yaml');
    const text = await readFile(file, 'utf8').catch(() => undefined);
    return text === undefined ? undefined : parseYaml(text, file).values;
  }

  writeJson(name: string, value: unknown): Promise<void> {
    return writeAtomic(this.file(name), `${JSON.stringify(value, null, 2)}\n`);
  }

  async readJson(name: string): Promise<Record<string, unknown> | undefined> {
    return readJson(this.file(name));
  }

  /** Writes a folder that appears complete or not at all; what `fill` wrote is removed when it fails. */
  async writeFolder(name: string, fill: (temporary: string) => Promise<void>): Promise<string> {
    const target = this.file(name);
    await replaceFolder(target, fill);
    return target;
  }

  /** Removes a folder. It is renamed first, so that a kill leaves no incomplete folder under its name. */
  async removeFolder(name: string): Promise<void> {
    const target = this.file(name);
    const aside = join(dirname(target), `.${basename(target)}.tmp`);
    try {
      await rm(aside, { recursive: true, force: true });
      await rename(target, aside);
      await rm(aside, { recursive: true, force: true });
    } catch (error) {
      throw asDiskError(error, target);
    }
  }
}

/**
 * Repairs a folder after a kill in `writeFolder` or `writeAtomic`: restores what was to be replaced, removes
 * the rest.
 */
async function recover(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    // Only files of a run: the folder may contain others too.
    if (/^(config\.yaml|metrics\.csv|report\.html|[\w-]+\.jsonl?)\.tmp-\d+$/.test(name))
      await rm(join(folder, name), { force: true });
    const match = /^\.(final|best|(?:checkpoint|best)-\d+)\.(old|tmp)$/.exec(name);
    if (!match) continue;
    const target = join(folder, match[1]!);
    if (match[2] === 'old' && !(await exists(target))) await rename(join(folder, name), target);
    else await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Creates a folder; gives false where it exists already. */
async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await exists(path))) return false;
    throw asDiskError(error, path);
  }
}
