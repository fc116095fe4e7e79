/** The text of a file, a part at a time: UTF-8, with or without a byte order mark, gzipped where its name says so. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { asFileFault } from './faults.js';

/** @throws {GrpoError} DATASET_FILE */
export async function* textOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const bytes of bytesOf(path)) {
      const text = decoder.decode(bytes, { stream: true });
      if (text !== '') yield text;
    }
    // Throws where the last character is cut off.
    yield decoder.decode();
  } catch (error) {
    throw asFileFault(path, error);
  }
}

function bytesOf(path: string): AsyncIterable<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: 2 ** 18 });
  // An error of either stream ends the reading of the second.
  return path.toLowerCase().endsWith('.gz') ? pipeline(file, createGunzip(), () => undefined) : file;
}
