/** Follows a growing file of lines: each read returns the complete lines that were added since the one before. */
import { open, stat } from 'node:fs/promises';

const CHUNK = 1 << 20;

export interface Line {
  text: string;
  /** Byte offset in the file. */
  offset: number;
  bytes: number;
}

export class LineReader {
  #offset = 0;
  /** Inode of the file, to notice when another file takes its place. */
  #inode: number | undefined;

  constructor(readonly path: string) {}

  /**
   * Calls `onLine` for each new line.
   * @returns false if the file was replaced or truncated, as by a resumed run: it must be read from the beginning
   */
  async read(onLine: (line: Line) => void): Promise<boolean> {
    const info = await stat(this.path).catch(() => undefined);
    if (!info) return this.#inode === undefined;
    if (this.#inode !== undefined && (info.ino !== this.#inode || info.size < this.#offset)) return false;
    this.#inode = info.ino;
    if (info.size === this.#offset) return true;
    const file = await open(this.path, 'r');
    try {
      // A line may be longer than a chunk, and a chunk may end within a character.
      let rest = Buffer.alloc(0);
      let at = this.#offset;
      while (at < info.size) {
        const chunk = Buffer.alloc(Math.min(CHUNK, info.size - at));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
        if (bytesRead === 0) break;
        at += bytesRead;
        const data = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        let begin = 0;
        for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, begin)) {
          onLine({
            text: data.toString('utf8', begin, end),
            offset: this.#offset + begin,
            bytes: end - begin,
          });
          begin = end + 1;
        }
        this.#offset += begin;
        rest = data.subarray(begin);
      }
    } finally {
      await file.close();
    }
    return true;
  }
}
