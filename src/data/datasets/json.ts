/** JSON Lines, and JSON that is a list of rows. */
import { reasonOf, shown } from '../../common/errors.js';
import { isObject, parseJson } from '../../common/json.js';
import { linesOf } from '../../machine/lines.js';
import { fileFault, rowFault } from './faults.js';
import type { Row } from './row.js';
import { textOf } from './text.js';

/** An object a line; empty lines are skipped. */
export async function* readJsonLines(path: string): AsyncGenerator<Row[]> {
  let number = 0;
  for await (const lines of linesOf(textOf(path))) {
    const rows: Row[] = [];
    for (const line of lines) {
      const place = `${path}:${++number}`;
      if (line.trim() !== '') rows.push({ place, values: objectOf(parsed(line, place), place) });
    }
    yield rows;
  }
}

function parsed(line: string, place: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw rowFault(place, `is not JSON: ${reasonOf(cause)}`, 'write a JSON object on each line');
  }
}

function objectOf(value: unknown, place: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw rowFault(
    place,
    `is ${shown(value)}, not an object`,
    'let each row be an object, such as {"prompt": "...", "answer": "..."}',
  );
}

/** A list of objects, or an object with such a list as `data`. JSON Lines under this name are read as what they are. */
export async function* readJson(path: string): AsyncGenerator<Row[]> {
  const text = await wholeText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const [first = ''] = text.trimStart().split('\n', 1);
    if (isObject(parseJson(first))) {
      yield* readJsonLines(path);
      return;
    }
    throw fileFault(path, `is not JSON: ${reasonOf(cause)}`, {
      fix: 'write a list of objects, or name a file with an object on each line .jsonl',
      cause,
    });
  }
  const rows = isObject(value) ? value.data : value;
  if (!Array.isArray(rows))
    throw fileFault(path, `holds ${shown(value)}, no list of rows`, {
      fix: 'write a list of objects, or {"data": [...]}; name a file with an object on each line .jsonl',
    });
  yield rows.map((row: unknown, i) => {
    const place = `${path}, row ${i + 1}`;
    return { place, values: objectOf(row, place) };
  });
}

async function wholeText(path: string): Promise<string> {
  const parts: string[] = [];
  for await (const part of textOf(path)) parts.push(part);
  try {
    return parts.join('');
  } catch (cause) {
    throw fileFault(path, 'is larger than what can be read at once', {
      fix: 'write it as JSON Lines (.jsonl), which is read a line at a time',
      cause,
    });
  }
}
