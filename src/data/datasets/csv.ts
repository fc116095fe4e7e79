/** CSV and TSV, whose first line names the columns. */
import { pipeline, Readable } from 'node:stream';
import type { CsvError, Info } from 'csv-parse';
import { asFileFault, fileFault, rowFault } from './faults.js';
import type { Row } from './row.js';
import { textOf } from './text.js';

/** Rows handed on at once. */
const BATCH = 1000;

/** @param delimiter between two fields */
export async function* readCsv(path: string, delimiter: ',' | '\t'): AsyncGenerator<Row[]> {
  // Loaded where a dataset needs it.
  const { parse } = await import('csv-parse');
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: 0,
  });
  const records = pipeline(Readable.from(textOf(path)), parser, () => undefined);
  let header: string[] | undefined;
  let rows: Row[] = [];
  // Within quotes, csv-parse counts two lines where one ends in `\r\n`.
  let countedTwice = 0;
  try {
    for await (const { record, info } of records as AsyncIterable<{ record: string[]; info: Info }>) {
      countedTwice += countOf(record, /\r\n/g);
      // `info` counts to the line that the record ends on.
      const line = info.lines - countedTwice - countOf(record, /\r\n|\n|\r/g);
      if (header) rows.push(rowOf(header, record, `${path}:${line}`));
      else header = checkedHeader(record, path);
      if (rows.length === BATCH) {
        yield rows;
        rows = [];
      }
    }
  } catch (error) {
    throw asCsvFault(path, error, countedTwice);
  }
  yield rows;
}

const countOf = (record: string[], pattern: RegExp): number =>
  record.reduce((sum, field) => sum + (field.match(pattern)?.length ?? 0), 0);

function checkedHeader(header: string[], path: string): string[] {
  const fault = (what: string) =>
    fileFault(path, what, { fix: 'let the first line name every column, each by a name of its own' });
  if (header.some((name) => name.trim() === '')) throw fault('has a column without a name in its first line');
  const twice = header.find((name, i) => header.indexOf(name) < i);
  if (twice !== undefined) throw fault(`has two columns ${JSON.stringify(twice)} in its first line`);
  return header;
}

function rowOf(header: string[], record: string[], place: string): Row {
  if (record.length !== header.length)
    throw rowFault(
      place,
      `has ${record.length} fields, and the first line names ${header.length} columns`,
      'put a field with a comma, tab or line end in double quotes, and write a quote in it twice',
    );
  return { place, values: Object.fromEntries(header.map((name, i) => [name, record[i]!])) };
}

/** Messages of csv-parse are long, and name the line in their middle. */
function asCsvFault(path: string, error: unknown, countedTwice: number): Error {
  const { code, lines } = error as Partial<CsvError> & { lines?: number };
  if (lines === undefined || typeof code !== 'string') return asFileFault(path, error);
  const what =
    code === 'CSV_QUOTE_NOT_CLOSED'
      ? 'a double quote opens a field and no other one closes it'
      : 'a double quote stands inside of a field';
  return rowFault(
    `${path}:${lines - countedTwice}`,
    what,
    'put the whole field in double quotes, and write a quote in it twice',
  );
}
