/** Parquet, a row group at a time. */
import type { FileMetaData, ParquetParsers } from 'hyparquet';
import { reasonOf } from '../../common/errors.js';
import { isObject, parseJson } from '../../common/json.js';
import { asFileFault, fileFault } from './faults.js';
import type { Row } from './row.js';

const DAY = 86_400_000;

const PARSERS: Partial<ParquetParsers> = {
  dateFromDays: (days) => new Date(DAY * days).toISOString().slice(0, 10),
};

export async function* readParquet(path: string): AsyncGenerator<Row[]> {
  // Loaded where a dataset needs them.
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const file = await asyncBufferFromFile(path).catch((error: unknown) => {
    throw asFileFault(path, error);
  });
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file, { parsers: PARSERS });
  } catch (cause) {
    throw fileFault(path, `is no whole Parquet file: ${reasonOf(cause)}`, {
      fix: 'write or download it again; of a git repository with LFS: git lfs pull',
      cause,
    });
  }
  refuseCodecs(path, metadata, ['UNCOMPRESSED', ...Object.keys(compressors)]);
  const labels = labelNames(metadata);
  let rowStart = 0;
  for (const { num_rows: count } of metadata.row_groups) {
    const rowEnd = rowStart + Number(count);
    let values: unknown[];
    try {
      const range = { file, metadata, compressors, parsers: PARSERS, rowStart, rowEnd };
      values = (await parquetReadObjects(range)).map(plain);
    } catch (cause) {
      throw fileFault(path, `can't be read: ${reasonOf(cause)}`, {
        fix: 'write it again, with common types and encodings: pyarrow.parquet.write_table(table, path)',
        cause,
      });
    }
    const first = rowStart + 1;
    yield values.map((row, i) => ({
      place: `${path}, row ${first + i}`,
      values: named(row as Record<string, unknown>, labels),
    }));
    rowStart = rowEnd;
  }
}

function refuseCodecs(path: string, { row_groups }: FileMetaData, known: readonly string[]): void {
  for (const { columns } of row_groups)
    for (const { meta_data: column } of columns) {
      if (column === undefined || known.includes(column.codec)) continue;
      throw fileFault(path, `is compressed with ${column.codec}, which can't be read`, {
        fix: "write it with another compression: pyarrow.parquet.write_table(table, path, compression='zstd')",
      });
    }
}

/** Names of class labels by column: Hugging Face's `datasets` writes their numbers, and the names in the metadata. */
function labelNames({ key_value_metadata: entries = [] }: FileMetaData): Map<string, unknown[]> {
  const written = parseJson(entries.find(({ key }) => key === 'huggingface')?.value ?? '');
  const features = isObject(written) && isObject(written.info) ? written.info.features : undefined;
  return new Map(
    Object.entries(isObject(features) ? features : {}).flatMap(([column, feature]) => {
      // A list's elements are its `feature`.
      const element = isObject(feature) && isObject(feature.feature) ? feature.feature : feature;
      return isObject(element) && element._type === 'ClassLabel' && Array.isArray(element.names)
        ? [[column, element.names]]
        : [];
    }),
  );
}

/** The row with the names of its class labels; null for -1, by which `datasets` says that nobody labelled it. */
function named(
  row: Record<string, unknown>,
  labels: ReadonlyMap<string, unknown[]>,
): Record<string, unknown> {
  for (const [column, names] of labels) {
    const nameOf = (value: unknown) => (typeof value === 'number' ? (names[value] ?? null) : value);
    if (!Object.hasOwn(row, column)) continue;
    const value = row[column];
    row[column] = Array.isArray(value) ? value.map(nameOf) : nameOf(value);
  }
  return row;
}

/** A value as JSON would have it. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}
