/**
 * Reads the JSON files of a model folder, with limits on size and nesting and a check of what kind of file it
 * is.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { isObject } from '../common/json.js';

/** Largest file in bytes; the largest tokenizers have a tenth of it. */
const MAX_FILE = 256 * 2 ** 20;

/**
 * The content of a file of a model folder; undefined where there is no such file.
 * @throws {GrpoError} MODEL_FILE_UNREADABLE, also where it is a pipe, a device or far too large
 */
export async function readModelFile(file: string): Promise<Buffer | undefined> {
  try {
    // Checked before it is opened: reading from a pipe or a device may never end.
    const info = await stat(file);
    if (!info.isFile()) throw new Error('it is not a file');
    if (info.size > MAX_FILE) throw new Error(`it has ${info.size} bytes, at most ${MAX_FILE} are expected`);
    const content = await readFile(file);
    refusePointer(content, file);
    return content;
  } catch (error) {
    if (error instanceof GrpoError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new GrpoError('MODEL_FILE_UNREADABLE', `${file} cannot be read: ${(error as Error).message}`, {
      fix: 'check what the file is, and its permissions and those of its folder',
      value: file,
      cause: error,
    });
  }
}

/**
 * Refuses a pointer of Git LFS: a few lines in place of a file that was not fetched.
 * @param content of the file, or its beginning
 * @throws {GrpoError} GIT_LFS_POINTER
 */
export function refusePointer(content: Buffer, file: string): void {
  if (!content.subarray(0, POINTER.length).equals(POINTER)) return;
  throw new GrpoError('GIT_LFS_POINTER', `${file} is a pointer of Git LFS: the file itself was not fetched`, {
    fix: `run: git -C '${dirname(file)}' lfs pull (after git lfs install, where it is new)`,
    value: file,
  });
}
const POINTER = Buffer.from('version https://git-lfs.github.com/spec/');

/** A JSON file that holds an object; undefined where there is no such file. */
export async function readJsonObject(file: string): Promise<Record<string, unknown> | undefined> {
  const text = (await readModelFile(file))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json) && !isDeep(json)) return json;
  } catch {
    // Reported below, together with JSON that is not such an object.
  }
  throw new GrpoError(
    'MODEL_FILE_NOT_JSON',
    `${file} does not hold a JSON object of at most ${MAX_NESTING} levels`,
    {
      fix: 'fetch the file again; it is truncated or not what its name says',
      value: file,
    },
  );
}

/** Greatest depth of a JSON value; far more than any of these files has. */
const MAX_NESTING = 100;

/**
 * Whether a value is so deep that a recursive function, such as those of the tokenizer library, could
 * overflow the stack. That can't always be caught: while a regular expression is compiled it ends the
 * process.
 */
function isDeep(json: object): boolean {
  let level: object[] = [json];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_NESTING) return true;
    level = level.flatMap((value) =>
      Object.values(value).filter((part): part is object => typeof part === 'object' && part !== null),
    );
  }
  return false;
}

/**
 * The first key that the JSON object `text` (known to be valid) holds twice at its top level.
 * JSON.parse silently keeps the last of two equal keys, which in an untrusted file could hide a tensor behind
 * another.
 */
export function duplicateKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let key = true;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
      if (depth !== 1 || !key) continue;
      const name = JSON.parse(text.slice(start, i + 1)) as string;
      if (seen.has(name)) return name;
      seen.add(name);
      key = false;
    } else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    else if (char === ',' && depth === 1) key = true;
  }
  return undefined;
}
