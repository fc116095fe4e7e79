/**
 * A repository in the cache that Hugging Face's tools share: `models--org--name` or `datasets--org--name` with `blobs`
 * (contents), `snapshots/COMMIT` (links by name into `blobs`) and `refs` (the commit of a branch).
 */
import { copyFile, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { GrpoError, shown } from '../common/errors.js';
import { writeAtomic } from '../machine/disk.js';
import { exists } from '../machine/files.js';
import { cacheFolder, endpoint, isOffline } from './environment.js';
import { type DownloadOptions, download } from './download.js';
import { type Repository, request } from './request.js';

/** What the hub says of a commit. */
export interface Commit {
  sha: string;
  /** Names of its files, with their folders. */
  files: string[];
}

export class CachedRepository {
  /** Its folder in the cache. */
  readonly folder: string;

  constructor(readonly repository: Repository) {
    this.folder = join(cacheFolder(), `${repository.kind}s--${repository.id.replace('/', '--')}`);
  }

  /**
   * The commit that a branch or tag was when it was last asked for; without one, what was given.
   * @throws {GrpoError} HUB_REVISION
   */
  async commitOf(revision: string): Promise<string> {
    if (!/^[\w./-]+$/.test(revision) || revision.includes('..'))
      throw new GrpoError('HUB_REVISION', `${shown(revision)} is no revision`, {
        fix: 'give a branch, a tag or a commit, such as main',
        value: revision,
      });
    return (await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => revision)).trim();
  }

  /** The folder of a commit's files. */
  snapshot(sha: string): string {
    return join(this.folder, 'snapshots', sha);
  }

  /**
   * Asks the hub for a commit and its files.
   * @throws {GrpoError} HUB_OFFLINE, HUB_ANSWER, and the codes of `request`
   */
  async ask(revision: string, signal?: AbortSignal): Promise<Commit> {
    this.refuseOffline();
    const { kind, id } = this.repository;
    const response = await request(
      `${endpoint()}/api/${kind}s/${id}/revision/${encodeURIComponent(revision)}`,
      { signal: signal ?? null },
      { what: revision === 'main' ? id : `${id}@${revision}`, repository: this.repository },
    );
    const { sha, siblings } = (await response.json().catch(() => ({}))) as {
      sha?: unknown;
      siblings?: { rfilename?: unknown }[];
    };
    if (typeof sha !== 'string' || !/^[0-9a-f]{7,64}$/.test(sha) || !Array.isArray(siblings))
      throw new GrpoError('HUB_ANSWER', `${endpoint()} does not answer as the hub does`, {
        fix: 'check HF_ENDPOINT, and whether a proxy stands between',
        value: endpoint(),
        exitCode: 1,
      });
    const files = siblings.map(({ rfilename }) => rfilename).filter((name) => typeof name === 'string');
    return { sha, files };
  }

  /**
   * The path of a file of a commit in the cache, where it is downloaded to unless it is there.
   * @param name relative to the repository, known to lead nowhere else
   * @throws {GrpoError} HUB_OFFLINE, HUB_INTERRUPTED, HUB_DAMAGED, DISK_FULL, WRITE_FAILED, codes of `request`
   */
  async file(sha: string, name: string, options: DownloadOptions): Promise<string> {
    const target = join(this.snapshot(sha), name);
    if (await exists(target)) return target;
    this.refuseOffline();
    const { kind, id } = this.repository;
    const path = name.split('/').map(encodeURIComponent).join('/');
    const blob = await download(
      {
        url: `${endpoint()}/${kind === 'dataset' ? 'datasets/' : ''}${id}/resolve/${sha}/${path}`,
        file: name,
        blobs: join(this.folder, 'blobs'),
        what: `${name} of ${id}`,
        repository: this.repository,
      },
      options,
    );
    await link(blob, target);
    return target;
  }

  /** Remembers the commit of a branch: by it a snapshot is found, so it is written when the snapshot is whole. */
  async remember(revision: string, sha: string): Promise<void> {
    if (revision !== sha) await writeAtomic(join(this.folder, 'refs', revision), sha);
  }

  /** @throws {GrpoError} HUB_OFFLINE */
  refuseOffline(): void {
    if (!isOffline()) return;
    const { kind, id } = this.repository;
    throw new GrpoError(
      'HUB_OFFLINE',
      `${id} is not in the cache ${cacheFolder()}, or only a part of it, and HF_HUB_OFFLINE is set`,
      {
        fix: `unset HF_HUB_OFFLINE to download it, or give ${kind === 'model' ? 'the folder of a model' : 'files of this machine'}`,
        value: id,
      },
    );
  }
}

/** As Hugging Face's tools: a relative link into `blobs`, or a copy where links can't be made. */
async function link(blob: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { force: true });
  try {
    await symlink(relative(dirname(target), blob), target);
  } catch {
    await copyFile(blob, `${target}.${process.pid}`);
    await rename(`${target}.${process.pid}`, target);
  }
}
