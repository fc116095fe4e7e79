/** The formats of files, by their extension. To add one: a file beside these, and a line here. */
import { extname } from 'node:path';
import { readCsv } from './csv.js';
import { readJson, readJsonLines } from './json.js';
import { readParquet } from './parquet.js';
import type { Row } from './row.js';

/** The rows of a file in their order, some at a time. */
type Reader = (path: string) => AsyncGenerator<Row[]>;

const READERS: Record<string, Reader> = {
  '.jsonl': readJsonLines,
  '.ndjson': readJsonLines,
  '.json': readJson,
  '.csv': (path) => readCsv(path, ','),
  '.tsv': (path) => readCsv(path, '\t'),
  '.parquet': readParquet,
};

/** What can be read, for messages. */
export const READABLE = `${Object.keys(READERS).join(', ')}, and the text ones gzipped (.jsonl.gz)`;

/** The extension that says a file's format, such as `.jsonl`; undefined where it is none that can be read. */
export function formatOf(path: string): string | undefined {
  const lower = path.toLowerCase();
  const plain = lower.endsWith('.gz') ? lower.slice(0, -'.gz'.length) : lower;
  const format = extname(plain);
  const isKnown = Object.hasOwn(READERS, format) && !(format === '.parquet' && plain !== lower);
  return isKnown ? format : undefined;
}

/**
 * The rows of a file whose format is known, some at a time.
 * @throws {GrpoError} DATASET_FILE, DATASET_ROW
 */
export const readRows = (path: string): AsyncGenerator<Row[]> => READERS[formatOf(path)!]!(path);
