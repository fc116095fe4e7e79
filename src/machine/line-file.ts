/** A file that grows by whole lines and survives being cut off in the middle of one. */
import { access, open, readFile, type FileHandle } from 'node:fs/promises';
import { asDiskError, writeAtomic } from './disk.js';

/** A file of lines that grows by whole lines. */
export class LineFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /**
   * @param keep which of the existing lines to keep: a resumed run drops those of steps that it takes again
   * @param header first line of a new file
   */
  static async open(path: string, options: { header?: string; keep?: (line: string) => boolean } = {}) {
    const before = await readFile(path, 'utf8').catch(() => '');
    const lines = before.split('\n');
    // A crash during a write leaves a last line without a line end, which is dropped as well.
    lines.pop();
    const kept = lines.filter(
      (line, i) => (i === 0 && options.header !== undefined) || (options.keep?.(line) ?? true),
    );
    if (kept.length === 0 && options.header !== undefined) kept.push(options.header);
    const text = kept.map((line) => `${line}\n`).join('');
    if (text !== before) await writeAtomic(path, text);
    try {
      return new LineFile(path, await open(path, 'a'));
    } catch (error) {
      throw asDiskError(error, path);
    }
  }

  async append(lines: string): Promise<void> {
    try {
      // Writes to a file that was removed still succeed, but the lines would be lost.
      await access(this.#path);
      await this.#handle.writeFile(lines);
    } catch (error) {
      throw asDiskError(error, this.#path);
    }
  }

  /** Flushes the appended lines to the disk. */
  async sync(): Promise<void> {
    try {
      await this.#handle.datasync();
    } catch (error) {
      throw asDiskError(error, this.#path);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
