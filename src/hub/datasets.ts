/**
 * Datasets of the Hugging Face hub, as Parquet files. A dataset that is in the cache needs no network.
 *
 * A repository that has Parquet files by split is taken as it is, at the commit that was asked for. Of any other the
 * files are taken that the hub converts it to, on its branch `refs/convert/parquet`.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GrpoError, shown } from '../common/errors.js';
import { nearest } from '../common/nearest.js';
import { writeAtomic } from '../machine/disk.js';
import { readJson } from '../machine/paths.js';
import { CachedRepository, type Commit } from './cache.js';
import type { DownloadOptions } from './download.js';
import { isOffline } from './environment.js';
import { isRepositoryName } from './name.js';

/** Which part of a dataset, and what to do meanwhile. */
export interface DatasetDownload extends DownloadOptions {
  /** Such as `main` of `openai/gsm8k`; null: the only one, or the one called `default`. */
  config?: string | null;
  /** Such as `train`. */
  split: string;
  /** Branch, tag or commit; null: `main`. */
  revision?: string | null;
}

/** A split of a dataset, on this machine. */
export interface DownloadedDataset {
  /** Its Parquet files, in order. */
  files: string[];
  /** The commit that they are of: given as `revision`, it gives other splits of the same state. */
  revision: string;
  /** The configuration that was taken. */
  config: string;
}

/** The hub's branch of what it has converted. */
const CONVERTED = 'refs/convert/parquet';
/** Files by split, by configuration. */
type Layout = Map<string, Map<string, string[]>>;

/**
 * Downloads a split of a dataset into the cache, `datasets--org--name`; what is there is not fetched again, and what
 * broke off is continued.
 *
 * @param id `organisation/name`
 * @throws {GrpoError} DATASET_NOT_FOUND, DATASET_FILES (no Parquet), DATASET_CONFIG, DATASET_SPLIT, HUB_ACCESS,
 * HUB_OFFLINE and other HUB codes, DISK_FULL, WRITE_FAILED
 *
 * @example
 * ```ts
 * import { downloadDataset } from 'grpo-native';
 *
 * const { files } = await downloadDataset('openai/gsm8k', { config: 'main', split: 'train' });
 * console.log(files); // paths of Parquet files in the cache
 * ```
 */
export async function downloadDataset(id: string, options: DatasetDownload): Promise<DownloadedDataset> {
  if (!isRepositoryName(id))
    throw new GrpoError('DATASET_NOT_FOUND', `${shown(id)} is no name of a dataset of the hub`, {
      fix: 'give organisation/dataset, as in openai/gsm8k',
      value: id,
    });
  const cached = new CachedRepository({ kind: 'dataset', id });
  const { sha, layout } = await commitWithParquet(cached, options);
  const config = configOf(layout, id, options.config ?? null);
  const names = splitOf(layout, id, config, options.split);
  const files: string[] = [];
  for (const name of names) files.push(await cached.file(sha, name, options));
  return { files, revision: sha, config };
}

/** The commit to take, and what it has: the repository's own, else the one that the hub has converted. */
async function commitWithParquet(
  cached: CachedRepository,
  { revision, signal }: DatasetDownload,
): Promise<{ sha: string; layout: Layout }> {
  const own = await commitOf(cached, revision ?? 'main', signal);
  const layout = layoutOf(own.files);
  if (layout.size > 0) return { sha: own.sha, layout };
  const { id } = cached.repository;
  const none = (where: string) =>
    new GrpoError('DATASET_FILES', `${id} has no Parquet files by split${where}`, {
      fix: `download its files and give their paths; https://huggingface.co/datasets/${id} shows what it has`,
      value: id,
    });
  if ((revision ?? 'main') !== 'main') throw none(` at ${revision}; the hub converts main alone`);
  const converted = await commitOf(cached, CONVERTED, signal).catch((error: unknown) => {
    const { code } = error as { code?: string };
    throw code === 'HUB_REVISION' || code === 'DATASET_NOT_FOUND'
      ? none(', and the hub has converted none')
      : error;
  });
  const ofHub = layoutOf(converted.files);
  if (ofHub.size === 0) throw none(', and the hub has converted none');
  return { sha: converted.sha, layout: ofHub };
}

/**
 * A commit and its Parquet files: as it was listed before, else as the hub says, else (without network) by the files
 * that another tool has left in the cache.
 */
async function commitOf(cached: CachedRepository, revision: string, signal?: AbortSignal): Promise<Commit> {
  const sha = await cached.commitOf(revision);
  const listing = (commit: string) => join(cached.folder, 'listings', `${commit}.json`);
  const listed = readJson<unknown>(listing(sha));
  if (Array.isArray(listed)) return { sha, files: listed.filter((name) => typeof name === 'string') };
  if (isOffline()) {
    const files = await filesIn(cached.snapshot(sha));
    if (files.length > 0) return { sha, files };
  }
  const commit = await cached.ask(revision, signal);
  const files = commit.files.filter((name) => name.endsWith('.parquet'));
  await writeAtomic(listing(commit.sha), `${JSON.stringify(files)}\n`);
  await cached.remember(revision, commit.sha);
  return { sha: commit.sha, files };
}

/** The Parquet files of a folder, by their paths in it. */
async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true }).catch(() => []);
  return found.map((name) => name.replaceAll('\\', '/')).filter((name) => name.endsWith('.parquet'));
}

/** `data/train-00000-of-00002.parquet`, `main/test-00000-of-00001-0a1b.parquet`: as `datasets` writes them. */
const SHARD = /^(?:([\w.-]+)\/)?(\w+(?:\.\w+)*)-\d{5}-of-\d{5}(?:-[\w.-]+)?\.parquet$/;
/** `data/train.parquet`, `test-0.parquet`: by the names that splits usually have. */
const NAMED = /^(?:([\w.-]+)\/)?(train|validation|test)(?:[-_.][\w.-]+)?\.parquet$/;
/** `default/train/0000.parquet`: as the hub converts; of a large dataset only a part, `partial-train`. */
const OF_HUB = /^([\w.-]+)\/(?:partial-)?(\w+(?:\.\w+)*)\/\d{4,}\.parquet$/;

/** The configurations, splits and files that the names say. Names that lead out of their folder are none. */
function layoutOf(names: string[]): Layout {
  const layout: Layout = new Map();
  for (const name of [...names].sort()) {
    const match = SHARD.exec(name) ?? NAMED.exec(name) ?? OF_HUB.exec(name);
    if (!match || match[1] === '..' || match[1] === '.') continue;
    // A repository's own files lie in `data`, or beside its README, where it has one configuration.
    const config = match[1] === undefined || match[1] === 'data' ? 'default' : match[1];
    const splits = layout.get(config) ?? new Map<string, string[]>();
    layout.set(config, splits.set(match[2]!, [...(splits.get(match[2]!) ?? []), name]));
  }
  return layout;
}

function configOf(layout: Layout, id: string, asked: string | null): string {
  const names = [...layout.keys()];
  if (asked !== null && layout.has(asked)) return asked;
  const list = names.map(shown).join(', ');
  if (asked !== null)
    throw new GrpoError('DATASET_CONFIG', `${id} has no configuration ${shown(asked)}`, {
      fix: `give dataset_config one of: ${list}${didYouMean(asked, names)}`,
      value: asked,
    });
  if (names.length === 1) return names[0]!;
  if (layout.has('default')) return 'default';
  throw new GrpoError('DATASET_CONFIG', `${id} has ${names.length} configurations, and none was chosen`, {
    fix: `give dataset_config one of: ${list}`,
    value: names,
  });
}

/** The files of a split, all of them. */
function splitOf(layout: Layout, id: string, config: string, split: string): string[] {
  const splits = layout.get(config)!;
  const files = splits.get(split);
  const names = [...splits.keys()];
  if (files === undefined)
    throw new GrpoError('DATASET_SPLIT', `${id} (${config}) has no split ${shown(split)}`, {
      fix: `give one of: ${names.map(shown).join(', ')}${didYouMean(split, names)}`,
      value: split,
    });
  const total = Number(/-of-(\d{5})/.exec(files[0]!)?.[1] ?? files.length);
  if (files.length === total) return files;
  throw new GrpoError('DATASET_FILES', `${id} (${config}, ${split}) has ${files.length} of ${total} files`, {
    fix: 'unset HF_HUB_OFFLINE, where it is set, to download the others',
    value: files,
  });
}

function didYouMean(asked: string, names: string[]): string {
  const close = nearest(asked, names);
  return close === undefined ? '' : ` (did you mean ${close}?)`;
}
