/** Datasets of the hub: their files of each split. */
import { GrpoError } from '../../common/errors.js';
import { downloadDataset } from '../../hub/datasets.js';
import type { DownloadProgress } from '../../hub/download.js';
import { parseRepository } from '../../hub/name.js';
import { formatOf } from './formats.js';
import type { DatasetTaskOptions } from './options.js';

/** What a program may give where a dataset may be downloaded. */
export interface DatasetExtras {
  /** Called while files are downloaded. */
  onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends the download. */
  signal?: AbortSignal | undefined;
}

/** What `user/name` or `user/name@revision` says; undefined where the text is neither, as where it is a file's. */
export const hubId = (name: string): ReturnType<typeof parseRepository> =>
  formatOf(name) === undefined ? parseRepository(name) : undefined;

/** The files of a dataset of the hub, in the cache. */
export interface HubSplits {
  train: string[];
  /** Empty: it has no split of that use. */
  heldOut: string[];
  unread: string[];
  /** The commit that the files are of, and the configuration. */
  hub: { revision: string; config: string };
}

export async function hubFiles(
  { id, revision }: NonNullable<ReturnType<typeof hubId>>,
  {
    datasetConfig: config,
    datasetTrainSplit,
    datasetTestSplit,
  }: Required<Pick<DatasetTaskOptions, 'datasetConfig' | 'datasetTrainSplit' | 'datasetTestSplit'>>,
  { onDownload, signal }: DatasetExtras,
): Promise<HubSplits> {
  const download = (split: string, revision: string) =>
    downloadDataset(id, {
      config: config ?? null,
      split,
      revision,
      ...(onDownload && { onProgress: onDownload }),
      ...(signal && { signal }),
    });
  const train = await download(datasetTrainSplit, revision);
  const hub = { revision: train.revision, config: train.config };
  if (datasetTestSplit === null && datasetTrainSplit === 'test')
    return { train: train.files, heldOut: [], unread: [], hub };
  const test = await download(datasetTestSplit ?? 'test', train.revision).catch((error: unknown) => {
    // Not every dataset has a test split. One that was asked for must be there.
    if (datasetTestSplit === null && error instanceof GrpoError && error.code === 'DATASET_SPLIT')
      return { files: [] };
    throw error;
  });
  return { train: train.files, heldOut: test.files, unread: [], hub };
}
