/**
 * Decoding for byte-level BPE: every token is a string in which each character stands for a byte.
 * Sampling decodes every distinct prefix after each token, so the bytes of a token are cached.
 */

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

/**
 * @param tokenOf the stored form of an id
 * @param verbatim ids (added tokens) whose stored form is their text
 */
export function byteDecoder(
  tokenOf: (id: number) => string | undefined,
  verbatim: Set<number>,
): (ids: ArrayLike<number>) => string {
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

  return (ids) => {
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
}
