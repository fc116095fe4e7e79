/**
 * One run, one folder:
 * `config.yaml`, `env.json`, `metrics.csv`, `metrics.jsonl`, `completions.jsonl`,
 * `checkpoints/checkpoint-N/`, `final/`, `summary.json`, `report.html`.
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
import { asDiskError, diskError, syncFolder, writeAtomic } from '../../machine/disk.js';

const LOCK = 'run.lock';
const CHECKPOINTS = 'checkpoints';

/** What a run writes; any of these makes a folder one that holds a run. */
const LINES = ['metrics.csv', 'metrics.jsonl', 'completions.jsonl'];
const TRACES = ['config.yaml', 'env.json', 'summary.json', CHECKPOINTS, 'final', ...LINES];

/** Codes of a folder that somebody else has. */
const TAKEN = new Set(['RUN_LOCKED', 'OUTPUT_DIR_HOLDS_RUN']);

interface OpenOptions {
  resume: boolean;
  /** Whether a process on another machine that has the run is to be taken for dead. */
  takeOver?: boolean;
}

export class RunFolder {
  #path: string;
  /** As it was given, for messages. */
  readonly #given: string;
  readonly #options: OpenOptions;
  /** Whether the next name will do where this one is taken. */
  readonly #anyName: boolean;
  #unlock: (() => void) | undefined;

  private constructor(path: string, options: OpenOptions, anyName: boolean) {
    this.#path = resolve(path);
    this.#given = path;
    this.#options = options;
    this.#anyName = anyName;
  }

  /** Refuses a folder that holds a run, unless that run is to be resumed. Writes nothing yet. */
  static async open(path: string, options: OpenOptions): Promise<RunFolder> {
    const folder = new RunFolder(path, options, false);
    await folder.#check();
    return folder;
  }

  /** A new folder `parent/name`, with a number behind it where that is taken. Which, `claim` decides. */
  static unnamed(name: string, parent = 'runs'): RunFolder {
    return new RunFolder(join(parent, name), { resume: false }, true);
  }

  get path(): string {
    return this.#path;
  }

  /**
   * Makes the folder and keeps other processes out of it until `release`. What was found before the lock was held
   * may have changed since, so it is looked at again: another process may have begun a run there, and ended it.
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

  /** Lets others in. Idempotent. */
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

  /** Clears away what a process that was killed left half done. Who calls it holds the lock. */
  async mend(): Promise<void> {
    for (const folder of [this.path, this.file(CHECKPOINTS)]) await recover(folder).catch(diskError(folder));
  }

  /** Whether somebody removed or moved it. */
  async isGone(): Promise<boolean> {
    return !(await exists(this.file('config.yaml')));
  }

  /** Keeps other processes out until it is released. */
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
    const still = `nothing was written there for ${duration(this.#secondsStill())}`;
    const elsewhere = holder && isElsewhere(holder);
    return new GrpoError('RUN_LOCKED', `${this.path} is being written by ${who}; ${still}`, {
      fix: `wait until it ends, or choose another --output-dir${elsewhere ? `; if it runs no more, say so with --take-over` : ''}`,
      value: holder?.pid,
    });
  }

  /** Since anything of the run was written, as the times of its files say. */
  #secondsStill(): number {
    const times = [LOCK, CHECKPOINTS, ...LINES].map(
      (name) => statSync(this.file(name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    );
    return Math.max(0, Date.now() - Math.max(...times)) / 1000;
  }

  /** Bytes that may still be written. */
  async freeSpace(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** A run that came from elsewhere may have links in it: what is appended to one lands in another file. */
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

  /** The summary of a run that went to its end with `step`, and left its model; undefined where it didn't. */
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

  /** A folder that appears whole or not at all; what `fill` wrote is removed when it fails. */
  async writeFolder(name: string, fill: (temporary: string) => Promise<void>): Promise<string> {
    const target = this.file(name);
    const temporary = join(dirname(target), `.${basename(target)}.tmp`);
    const replaced = join(dirname(target), `.${basename(target)}.old`);
    try {
      await rm(temporary, { recursive: true, force: true });
      await mkdir(temporary, { recursive: true });
      await fill(temporary);
      await syncFolder(temporary);
      await rm(replaced, { recursive: true, force: true });
      if (await exists(target)) await rename(target, replaced);
      await rename(temporary, target);
      await syncFolder(dirname(target));
      await rm(replaced, { recursive: true, force: true });
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
      return diskError(target)(error);
    }
    return target;
  }

  /** It goes whole: what a kill leaves of it has no name any more. */
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

/** After a kill in `writeFolder` or `writeAtomic`: what was to be replaced is put back, what was being written removed. */
async function recover(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    // Of ours alone: the folder may be one where other things lie too.
    if (/^(config\.yaml|metrics\.csv|report\.html|[\w-]+\.jsonl?)\.tmp-\d+$/.test(name))
      await rm(join(folder, name), { force: true });
    const match = /^\.(final|checkpoint-\d+)\.(old|tmp)$/.exec(name);
    if (!match) continue;
    const target = join(folder, match[1]!);
    if (match[2] === 'old' && !(await exists(target))) await rename(join(folder, name), target);
    else await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Whether it wasn't there before. */
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
