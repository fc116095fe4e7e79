/** Readers of the files that trackers write: they check every length and checksum, and know nothing of the writers. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { expect } from 'vitest';

/** A message by its field numbers; what a field holds is for the caller to know. */
export type Message = Map<number, (Uint8Array | number)[]>;

export function decode(bytes: Uint8Array): Message {
  const reader = new BinaryReader(bytes);
  const message: Message = new Map();
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const value =
      wire === WireType.LengthDelimited
        ? reader.bytes()
        : wire === WireType.Bit32
          ? reader.float()
          : wire === WireType.Bit64
            ? reader.double()
            : Number(reader.int64());
    message.set(number, [...(message.get(number) ?? []), value]);
  }
  return message;
}

/** Of one field, down through messages; undefined where it is not there. */
export function at(message: Message, ...path: number[]): Uint8Array | number | undefined {
  const [number, ...rest] = path;
  const value = message.get(number!)?.[0];
  return rest.length === 0 || value === undefined ? value : at(decode(value as Uint8Array), ...rest);
}

export const text = (value: Uint8Array | number | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value as Uint8Array).toString();

/** Messages of a file of TFRecords. */
export function readTfRecords(file: Buffer): Message[] {
  const messages: Message[] = [];
  for (let position = 0; position < file.length;) {
    const length = Number(file.readBigUInt64LE(position));
    expect(file.readUInt32LE(position + 8)).toBe(
      masked(crc(file.subarray(position, position + 8), CASTAGNOLI)),
    );
    const message = file.subarray(position + 12, position + 12 + length);
    expect(message).toHaveLength(length);
    expect(file.readUInt32LE(position + 12 + length)).toBe(masked(crc(message, CASTAGNOLI)));
    messages.push(decode(message));
    position += 16 + length;
  }
  return messages;
}

/** Records of a LevelDB log, behind a header of `skip` bytes. */
export function readLog(file: Buffer, skip: number): Buffer[] {
  const records: Buffer[] = [];
  let parts: Buffer[] = [];
  for (let position = skip; position < file.length;) {
    const left = 32768 - (position % 32768);
    if (left < 7) {
      expect([...file.subarray(position, position + left)]).toEqual(Array(left).fill(0));
      position += left;
      continue;
    }
    const length = file.readUInt16LE(position + 4);
    expect(length).toBeLessThanOrEqual(left - 7);
    expect(file.readUInt32LE(position)).toBe(crc(file.subarray(position + 6, position + 7 + length), IEEE));
    const kind = file[position + 6]!;
    // 1 whole, 2 first, 3 middle, 4 last.
    expect(parts.length === 0 ? [1, 2] : [3, 4]).toContain(kind);
    parts.push(file.subarray(position + 7, position + 7 + length));
    if (kind === 1 || kind === 4) {
      records.push(Buffer.concat(parts));
      parts = [];
    }
    position += 7 + length;
  }
  expect(parts).toEqual([]);
  return records;
}

const IEEE = 0xedb88320;
const CASTAGNOLI = 0x82f63b78;

/** Bit by bit, as the definition has it. */
function crc(bytes: Uint8Array, polynomial: number): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  }
  return ~value >>> 0;
}

const masked = (value: number): number => ((((value >>> 15) | (value << 17)) >>> 0) + 0xa282ead8) % 2 ** 32;
