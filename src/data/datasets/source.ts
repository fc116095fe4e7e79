/** Where the rows of a dataset come from, so that a run that goes on can tell whether they are the same. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { sha256 } from '../../machine/files.js';
import { asFileFault } from './faults.js';
import type { Found } from './find.js';

/** A file that problems were read from. */
export interface SourceFile {
  /** Its absolute path. */
  path: string;
  /** What its rows are for. */
  split: 'train' | 'held_out';
  /** Its size. */
  bytes: number;
  /** SHA-256 of its content, in hexadecimal. */
  sha256: string;
}

/** What `env.json` says of the dataset of a run. */
export interface DatasetSource {
  /** As the option `dataset_name` has it. */
  name: string | readonly string[];
  /** Files on this machine; of a dataset of the hub none. */
  files?: SourceFile[];
  /** Of a dataset of the hub: the commit that was read. */
  revision?: string;
  /** Of a dataset of the hub: the configuration that was read. */
  config?: string;
}

/** @throws {GrpoError} DATASET_FILE */
export async function sourceOf(
  name: DatasetSource['name'],
  { train, heldOut, hub }: Pick<Found, 'train' | 'heldOut' | 'hub'>,
): Promise<DatasetSource> {
  if (hub) return { name, ...hub };
  const files: SourceFile[] = [];
  for (const [split, paths] of [
    ['train', train],
    ['held_out', heldOut],
  ] as const)
    for (const path of paths)
      try {
        files.push({
          path: resolve(path),
          split,
          bytes: (await stat(path)).size,
          sha256: await sha256(path),
        });
      } catch (error) {
        throw asFileFault(path, error);
      }
  return { name, files };
}

/** Whether two datasets have the same rows, wherever their files are. */
export const sameSource = (a: DatasetSource, b: DatasetSource): boolean => contentOf(a) === contentOf(b);

const contentOf = ({ files = [], revision, config }: DatasetSource): string =>
  JSON.stringify([revision, config, files.map(({ split, sha256 }) => [split, sha256])]);
