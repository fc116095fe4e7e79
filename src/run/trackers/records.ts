/** Files of framed protobuf messages, as TensorBoard and W&B read them. */
import { open, type FileHandle } from 'node:fs/promises';
import { asDiskError } from '../../machine/disk.js';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Writes the fields of one message. */
export type Fields = (writer: BinaryWriter) => void;

export const encode = (fields: Fields): Uint8Array => {
  const writer = new BinaryWriter();
  fields(writer);
  return writer.finish();
};

/** Writers of a field, by protobuf's names of types. */
export const field = {
  message: (writer: BinaryWriter, number: number, fields: Fields) => {
    fields(writer.tag(number, WireType.LengthDelimited).fork());
    writer.join();
  },
  string: (writer: BinaryWriter, number: number, value: string) =>
    writer.tag(number, WireType.LengthDelimited).string(value),
  bytes: (writer: BinaryWriter, number: number, value: Uint8Array) =>
    writer.tag(number, WireType.LengthDelimited).bytes(value),
  int64: (writer: BinaryWriter, number: number, value: number) =>
    writer.tag(number, WireType.Varint).int64(value),
  bool: (writer: BinaryWriter, number: number, value: boolean) =>
    writer.tag(number, WireType.Varint).bool(value),
  float: (writer: BinaryWriter, number: number, value: number) =>
    // A value beyond the range of a float is clamped, so that it is shown at all.
    writer.tag(number, WireType.Bit32).float(Math.max(-MAX_FLOAT, Math.min(MAX_FLOAT, value))),
  double: (writer: BinaryWriter, number: number, value: number) =>
    writer.tag(number, WireType.Bit64).double(value),
};

const MAX_FLOAT = 3.4028234663852886e38;

/**
 * A file that only grows by whole records: a record of which only a part was written is overwritten by the
 * next.
 */
export class RecordFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #length = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Creates a file; its folder must exist. */
  static async create(path: string): Promise<RecordFile> {
    try {
      return new RecordFile(path, await open(path, 'wx'));
    } catch (error) {
      throw asDiskError(error, path);
    }
  }

  /** Bytes of the records that are written completely. */
  get length(): number {
    return this.#length;
  }

  async append(records: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < records.length;) {
        const { bytesWritten } = await this.#handle.write(
          records,
          done,
          records.length - done,
          this.#length + done,
        );
        done += bytesWritten;
      }
      this.#length += records.length;
    } catch (error) {
      throw asDiskError(error, this.#path);
    }
  }

  /** Closes the file, without the rest of an incomplete record. */
  async close(): Promise<void> {
    await this.#handle.truncate(this.#length).catch(() => undefined);
    await this.#handle.close();
  }
}
