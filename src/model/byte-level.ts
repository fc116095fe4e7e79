/**
 * Decoding for byte-level BPE: every token is a string in which each character stands for a byte.
 * Sampling reads the text after each token, so the bytes of a token are cached.
 */
import type { GrowingText } from './growing-text.js';

/** GPT-2's table: printable bytes stand for themselves, the others for characters from U+0100 on. */
function standIns(): Map<string, number> {
  const bytes = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    bytes.set(String.fromCodePoint(printable ? byte : next++), byte);
  }
  return bytes;
}

/** Decodes tokens at once, or one after another. */
export interface ByteDecoder {
  decode: (ids: ArrayLike<number>) => string;
  /** The text of no token. */
  nothing: GrowingText;
}

/**
 * @param tokenOf the stored form of an id
 * @param verbatim ids (added tokens) whose stored form is their text
 */
export function byteDecoder(tokenOf: (id: number) => string | undefined, verbatim: Set<number>): ByteDecoder {
  const byteOf = standIns();
  const known = new Map<number, Uint8Array>();
  const text = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  let buffer = new Uint8Array(256);

  const bytesOf = (id: number): Uint8Array => {
    let bytes = known.get(id);
    if (!bytes) {
      const token = tokenOf(id) ?? '';
      const own = [...token].map((char) => byteOf.get(char));
      // A token with a character that stands for no byte was put into the vocabulary as the text that it is.
      bytes =
        verbatim.has(id) || own.includes(undefined)
          ? new TextEncoder().encode(token)
          : Uint8Array.from(own as number[]);
      known.set(id, bytes);
    }
    return bytes;
  };

  const decode = (ids: ArrayLike<number>): string => {
    let length = 0;
    for (let i = 0; i < ids.length; i++) {
      const bytes = bytesOf(ids[i]!);
      if (length + bytes.length > buffer.length) {
        const larger = new Uint8Array(2 * (length + bytes.length));
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(bytes, length);
      length += bytes.length;
    }
    return text.decode(buffer.subarray(0, length));
  };

  /** @param begun the first bytes of a character */
  const growing = (whole: string, begun: Uint8Array): GrowingText => ({
    text: begun.length > 0 ? whole + text.decode(begun) : whole,
    with: (id) => {
      const own = bytesOf(id);
      const bytes = new Uint8Array(begun.length + own.length);
      bytes.set(begun);
      bytes.set(own, begun.length);
      const cut = wholeCharacters(bytes);
      return growing(whole + text.decode(bytes.subarray(0, cut)), bytes.subarray(cut));
    },
  });
  return { decode, nothing: growing('', new Uint8Array()) };
}

/**
 * Number of bytes before a character of which the last ones are missing; all, where none is. A decoder begins anew at
 * each first byte of a character, so the text up to it is the same whatever follows.
 */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte >= 0x80 && byte < 0xc0) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
