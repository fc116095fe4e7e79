import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRows } from '../../../../src/data/datasets/formats.js';
import { codeOf, fixtures, temporaryFolder } from '../../../support/fixtures.js';

/** A file with this content. */
function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

async function rowsOf(path: string) {
  const rows = [];
  for await (const some of readRows(path)) rows.push(...some);
  return rows;
}

const valuesOf = async (path: string) => (await rowsOf(path)).map(({ values }) => values);

/** Where rows are, without their folder. */
const placesOf = async (path: string) =>
  (await rowsOf(path)).map(({ place }) => place.slice(path.lastIndexOf('/') + 1));

/** The message of the error that reading ends with, and its code. */
async function faultOf(path: string): Promise<{ code: string; message: string }> {
  let message = '';
  const code = await codeOf(
    rowsOf(path).catch((error: unknown) => {
      message = (error as Error).message.replace(path, path.slice(path.lastIndexOf('/') + 1));
      throw error;
    }),
  );
  return { code, message };
}

const ROWS = [
  { prompt: 'a', answer: '1' },
  { prompt: 'b "c", d', answer: '2\n3' },
  { prompt: 'größer 👩‍👩‍👧', answer: '٤٢' },
];
const LINES = ROWS.map((row) => JSON.stringify(row));
const CSV = 'prompt,answer\na,1\n"b ""c"", d","2\n3"\ngrößer 👩‍👩‍👧,٤٢\n';

const SAME: [string, string][] = [
  ['a.jsonl', LINES.join('\n')],
  ['ended.jsonl', `${LINES.join('\n')}\n`],
  ['windows.NDJSON', `\ufeff${LINES.join('\r\n')}\r\n\r\n`],
  ['a.json', JSON.stringify(ROWS)],
  ['data.json', `\ufeff${JSON.stringify({ version: 1, data: ROWS })}`],
  ['lines.json', LINES.join('\n')],
  ['a.csv', CSV],
  ['bom.csv', `\ufeff${CSV}`],
  ['windows.csv', CSV.replaceAll('\n', '\r\n').replace('2\r\n3', '2\n3')],
  ['empty-lines.csv', CSV.replace('\na', '\n\na')],
  ['a.tsv', stringify([['prompt', 'answer'], ...ROWS.map((row) => Object.values(row))], { delimiter: '\t' })],
];

describe('text formats', () => {
  it.each(SAME)('%s', async (name, content) => {
    expect(await valuesOf(fileOf(name, content))).toEqual(ROWS);
    expect(await valuesOf(fileOf(`${name}.gz`, gzipSync(content)))).toEqual(ROWS);
  });

  it('names the line that a row begins on', async () => {
    expect(await placesOf(fileOf('a.jsonl', `\n${LINES.join('\n\n')}`))).toEqual([
      'a.jsonl:2',
      'a.jsonl:4',
      'a.jsonl:6',
    ]);
    const csv = 'p,a\nx,1\n"y\nz","2\n3"\n\nw,4\n';
    const places = ['a.csv:2', 'a.csv:3', 'a.csv:7'];
    expect(await placesOf(fileOf('a.csv', csv))).toEqual(places);
    expect(await placesOf(fileOf('a.csv', csv.replaceAll('\n', '\r\n')))).toEqual(places);
    expect(await placesOf(fileOf('a.json', JSON.stringify(ROWS)))).toEqual([
      'a.json, row 1',
      'a.json, row 2',
      'a.json, row 3',
    ]);
  });

  it('keeps what JSON says: numbers, lists, objects, null, and line separators in strings', async () => {
    const row = {
      n: -1.5,
      yes: true,
      none: null,
      list: [1, ['a']],
      object: { a: 1 },
      text: 'a\u2028b\u2029',
    };
    expect(await valuesOf(fileOf('a.jsonl', JSON.stringify(row)))).toEqual([row]);
  });

  it('reads characters that are cut by the end of a part', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      prompt: `${'€'.repeat(100 + (i % 7))}${i}`,
      answer: 'ß',
    }));
    expect(await valuesOf(fileOf('long.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')))).toEqual(
      rows,
    );
    expect(await valuesOf(fileOf('long.csv', stringify(rows, { header: true })))).toEqual(rows);
  });

  const WRONG: [string, string | Uint8Array, string, string][] = [
    ['a.jsonl', `${LINES[0]!}\n{"prompt": "x", "answer"`, 'DATASET_ROW', 'a.jsonl:2: is not JSON'],
    ['list.jsonl', `${LINES[0]!}\n\n[1]`, 'DATASET_ROW', 'list.jsonl:3: is [1], not an object'],
    ['a.json', '{"prompt": ', 'DATASET_FILE', 'a.json is not JSON'],
    ['object.json', '{"rows": 1}', 'DATASET_FILE', 'object.json holds {"rows":1}, no list'],
    ['rows.json', '[{"prompt": "a"}, 3]', 'DATASET_ROW', 'rows.json, row 2: is 3, not an object'],
    ['few.csv', 'a,b,c\n1,2,3\n4,5\n', 'DATASET_ROW', 'few.csv:3: has 2 fields'],
    ['many.csv', 'a,b\n1,2\n"x\ny",5,6\n', 'DATASET_ROW', 'many.csv:3: has 3 fields'],
    ['open.csv', 'a,b\n1,2\n"x,5\n6,7\n', 'DATASET_ROW', 'a double quote opens a field'],
    ['quote.csv', 'a,b\n1,2\n3,4\n5" x,5\n', 'DATASET_ROW', 'quote.csv:4: a double quote stands inside'],
    ['after.csv', 'a,b\n1,2\n"3" x,5\n', 'DATASET_ROW', 'after.csv:3: a double quote stands inside'],
    ['twice.csv', 'a,b,a\n1,2,3\n', 'DATASET_FILE', 'twice.csv has two columns "a"'],
    ['unnamed.csv', 'a,,c\n1,2,3\n', 'DATASET_FILE', 'unnamed.csv has a column without a name'],
    ['latin1.csv', Buffer.from('a,b\ngrö,1\n', 'latin1'), 'DATASET_FILE', 'latin1.csv is not UTF-8'],
    ['latin1.jsonl', Buffer.from('{"a":"grö"}', 'latin1'), 'DATASET_FILE', 'latin1.jsonl is not UTF-8'],
    ['cut.jsonl', Buffer.from('{"a":"grö"}').subarray(0, 9), 'DATASET_FILE', 'cut.jsonl is not UTF-8'],
    ['utf16.csv', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), 'DATASET_FILE', 'utf16.csv is not UTF-8'],
    ['a.csv.gz', 'a,b\n1,2\n', 'DATASET_FILE', 'a.csv.gz is no whole gzip file'],
    [
      'cut.jsonl.gz',
      gzipSync(LINES.join('\n').repeat(99)).subarray(0, 60),
      'DATASET_FILE',
      'no whole gzip file',
    ],
    ['a.parquet', 'no Parquet, but long enough', 'DATASET_FILE', 'a.parquet is no whole Parquet file'],
    ['short.parquet', 'PAR1', 'DATASET_FILE', 'short.parquet is no whole Parquet file'],
    ['empty.parquet', '', 'DATASET_FILE', 'empty.parquet is no whole Parquet file'],
  ];
  it.each(WRONG)('%s is refused', async (name, content, code, message) => {
    const fault = await faultOf(fileOf(name, content));
    expect(fault.code).toBe(code);
    expect(fault.message).toContain(message);
  });

  it('gives back what was written, whatever it is', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({
        unit: fc.constantFrom(
          '"',
          ',',
          '\t',
          '\n',
          '\r\n',
          '\r',
          ' ',
          '\\',
          '{',
          'a',
          '\u2028',
          '\ufeff',
          '😀',
        ),
      }),
    );
    const folder = temporaryFolder();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ prompt: text, answer: text, 'third one': text }), { minLength: 1 }),
        async (rows) => {
          const written: [string, string][] = [
            ['a.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')],
            ['a.json', JSON.stringify(rows, null, 2)],
            ['a.csv', stringify(rows, { header: true, quoted: true })],
            ['windows.csv', stringify(rows, { header: true, quoted: true, record_delimiter: 'windows' })],
            ['a.tsv', stringify(rows, { header: true, quoted: true, delimiter: '\t' })],
          ];
          for (const [name, content] of written) {
            const path = join(folder, name);
            writeFileSync(path, content);
            expect(await valuesOf(path)).toEqual(rows);
          }
        },
      ),
      { numRuns: 50 },
    );
  }, 60_000);
});

describe('Parquet', () => {
  const file = (name: string) => join(fixtures, 'datasets', `${name}.parquet`);

  it.each(['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4'])(
    'compressed by %s, as pyarrow reads it',
    async (name) => {
      expect(await valuesOf(file(name))).toEqual(await valuesOf(join(fixtures, 'datasets', 'rows.json')));
    },
  );

  it('counts rows over row groups', async () => {
    expect(await placesOf(file('zstd'))).toEqual([1, 2, 3, 4, 5].map((row) => `zstd.parquet, row ${row}`));
  });

  it('may have no rows', async () => {
    expect(await rowsOf(file('empty'))).toEqual([]);
  });

  it('of the hub has the names of its class labels', async () => {
    expect(await valuesOf(file('labels'))).toEqual([
      { text: 'a', label: 'positive', tags: ['neutral'], stars: 5 },
      { text: 'b', label: 'negative', tags: [], stars: 1 },
      { text: 'c', label: null, tags: ['negative', 'positive'], stars: 3 },
    ]);
  });

  it('that is cut off is refused', async () => {
    const whole = readFileSync(file('zstd'));
    const path = join(temporaryFolder(), 'cut.parquet');
    for (const bytes of [1, 8, 100, whole.length - 100, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, bytes));
      expect((await faultOf(path)).code).toBe('DATASET_FILE');
    }
  });

  it('with another compression is refused', async () => {
    expect(await faultOf(file('lzo'))).toEqual({
      code: 'DATASET_FILE',
      message: "lzo.parquet is compressed with LZO, which can't be read",
    });
  });
});
