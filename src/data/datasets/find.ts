/** Finds the files of a dataset, and the split that each belongs to. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { GrpoError, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import { fileFault } from './faults.js';
import { formatOf, READABLE } from './formats.js';
import { hubFiles, hubId, type DatasetExtras, type HubSplits } from './hub.js';
import type { DatasetTaskOptions } from './options.js';

/** The files of a dataset, by their use. */
export interface Found {
  /** The dataset's base name. */
  name: string;
  /** Files to learn from. */
  train: string[];
  /** Files that are held out; empty: the hash of a prompt decides. */
  heldOut: string[];
  /** Splits that are not read. */
  unread: string[];
  /** Of a dataset of the hub: where its files are from. */
  hub?: HubSplits['hub'];
}

/** @throws {GrpoError} DATASET_NOT_FOUND, DATASET_FILE, DATASET_SPLIT, BAD_COMBINATION, and those of the hub */
export async function findDataset(options: DatasetTaskOptions, extras: DatasetExtras): Promise<Found> {
  const { datasetConfig = null, datasetTrainSplit = 'train', datasetTestSplit = null } = options;
  if (datasetTestSplit === datasetTrainSplit)
    throw new GrpoError(
      'BAD_COMBINATION',
      `the split ${datasetTestSplit} can't be held out and learned from`,
      {
        fix: 'leave out dataset_test_split: one row in five is held out then',
        value: datasetTestSplit,
      },
    );
  const names = typeof options.datasetName === 'string' ? [options.datasetName] : [...options.datasetName];
  const [first] = names;
  if (first === undefined) throw await notFound('');
  if (names.length === 1 && !(await kindOf(first))) {
    const id = hubId(first);
    if (id)
      return {
        name: basename(id.id),
        ...(await hubFiles(id, { datasetConfig, datasetTrainSplit, datasetTestSplit }, extras)),
      };
  }
  const files = (await Promise.all(names.map(filesOf))).flat();
  if (datasetConfig !== null)
    throw new GrpoError('BAD_COMBINATION', `dataset_config is ${shown(datasetConfig)}, and files have none`, {
      fix: 'leave it out, or name the folder of that configuration',
      value: datasetConfig,
    });
  return { name: baseName(names), ...bySplit(files, names.join(', '), datasetTrainSplit, datasetTestSplit) };
}

const kindOf = async (path: string): Promise<'file' | 'folder' | undefined> => {
  const info = await stat(path).catch(() => undefined);
  return info && (info.isDirectory() ? 'folder' : 'file');
};

interface DataFile {
  path: string;
  /** Its name, or in a folder its path from there: what tells its split. */
  name: string;
}

async function filesOf(path: string): Promise<DataFile[]> {
  const kind = await kindOf(path);
  if (kind === undefined) throw await notFound(path);
  if (kind === 'folder') return filesIn(path);
  if (formatOf(path) !== undefined) return [{ path, name: basename(path) }];
  throw fileFault(path, 'has no extension of a format that can be read', {
    fix: `give a file with one of ${READABLE}`,
  });
}

/** What `datasets` writes beside data. */
const DESCRIPTIONS = ['dataset_info.json', 'dataset_infos.json', 'dataset_dict.json', 'state.json'];

async function filesIn(folder: string): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    if (name.split(sep).some((part) => part.startsWith('.')) || DESCRIPTIONS.includes(basename(name)))
      continue;
    if (formatOf(name) !== undefined && (await kindOf(path)) === 'file') files.push({ path, name });
  }
  const formats = [...new Set(files.map(({ name }) => formatOf(name)))];
  if (formats.length === 1) return files;
  throw fileFault(
    folder,
    formats.length === 0
      ? 'holds no file that can be read'
      : `holds files of several formats: ${formats.join(', ')}`,
    {
      fix:
        formats.length === 0
          ? `put files with one of ${READABLE} there`
          : 'name the files that are meant, each by --dataset-name',
    },
  );
}

async function notFound(path: string): Promise<GrpoError> {
  const beside = await readdir(dirname(path)).catch(() => []);
  const meant = nearest(
    basename(path),
    beside.filter((name) => formatOf(name) !== undefined),
  );
  return new GrpoError('DATASET_NOT_FOUND', `there is no file or folder ${shown(path)}`, {
    fix:
      meant === undefined
        ? 'give the path of a file or a folder, or a dataset of the hub as user/name'
        : `did you mean ${join(dirname(path), meant)}?`,
    value: path,
  });
}

/** The name of the file without extension, that of the folder, or of the folder that several files are in. */
function baseName([path, ...more]: string[]): string {
  const full = resolve(path!);
  if (more.length > 0) return basename(dirname(full));
  const format = formatOf(full);
  return format === undefined
    ? basename(full)
    : basename(full).replace(/\.gz$/i, '').slice(0, -format.length);
}

/** Words in a file's name that tell its split, as `datasets` has them. */
const WORDS: Record<string, string> = {
  train: 'train|training',
  test: 'test|testing|eval|evaluation',
  validation: 'validation|valid|val|dev',
};

/** The split that a file's name tells; the file's own name counts before those of its folders. */
function splitIn(name: string, wanted: readonly (string | null)[]): string | undefined {
  for (const part of name.split(sep).reverse()) {
    const shard = /^(.+)-\d{5}-of-\d{5}\b/.exec(part)?.[1];
    if (shard !== undefined) return shard;
    const stem = part.split('.', 1)[0]!;
    if (wanted.includes(stem)) return stem;
    for (const [split, words] of Object.entries(WORDS))
      if (new RegExp(`(?<![a-z0-9])(${words})(?![a-z])`, 'i').test(part)) return split;
  }
  return undefined;
}

function bySplit(
  files: DataFile[],
  dataset: string,
  train: string,
  test: string | null,
): Omit<Found, 'name'> {
  const splits = new Map<string, string[]>();
  for (const { path, name } of files) {
    const told = splitIn(name, [train, test]);
    // A single file is what is to be learned from, unless it is said to be what is held out.
    const split = files.length === 1 && told !== test ? train : (told ?? 'train');
    splits.set(split, [...(splits.get(split) ?? []), path]);
  }
  const heldOut = test ?? (train === 'test' ? undefined : 'test');
  // Where it was said what is held out, that suffices to evaluate on.
  const needed = test ?? train;
  if (!splits.has(needed)) throw noSplit(dataset, needed, [...splits.keys()]);
  return {
    train: splits.get(train) ?? [],
    heldOut: (heldOut !== undefined && splits.get(heldOut)) || [],
    unread: [...splits.keys()].filter((split) => split !== train && split !== heldOut),
  };
}

function noSplit(dataset: string, split: string, splits: string[]): GrpoError {
  return new GrpoError('DATASET_SPLIT', `${dataset} has no split ${shown(split)}`, {
    fix: `its splits, by the names of the files, are ${splits.join(', ')}: choose by --dataset-train-split and --dataset-test-split`,
    value: split,
  });
}
