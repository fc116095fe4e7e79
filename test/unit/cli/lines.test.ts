import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { linesOf } from '../../../src/cli/lines.js';

async function linesIn(chunks: Iterable<Uint8Array>, signal = new AbortController().signal) {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(chunks), signal)) lines.push(line);
  return lines;
}

describe('lines', () => {
  it.each<[string, string, string[]]>([
    ['end with \\n', 'a\nb\n', ['a', 'b']],
    ['end with \\r\\n', 'a\r\nb\r\n', ['a', 'b']],
    ['need no end', 'a\nb', ['a', 'b']],
    ['may be empty', 'a\n\nb\n', ['a', '', 'b']],
    ['hold line separators of Unicode', 'a\u2028b\u2029c\u0085d\n', ['a\u2028b\u2029c\u0085d']],
    ['hold a lone \\r', 'a\rb\n', ['a\rb']],
    ['begin after a byte order mark', '\ufeffa\n\ufeffb\n', ['a', '\ufeffb']],
    ['are none in nothing', '', []],
  ])('%s', async (_, text, expected) => {
    const bytes = Buffer.from(text);
    expect(await linesIn([bytes])).toEqual(expected);
    // Ends, marks and characters of several bytes may come in parts.
    expect(await linesIn(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  it('end with the stream that is aborted, and fail with one that fails', async () => {
    const abort = new AbortController();
    const endless = new Readable({ read: () => undefined });
    endless.push('a\nb');
    const lines: string[] = [];
    for await (const line of linesOf(endless, abort.signal)) {
      lines.push(line);
      abort.abort();
    }
    expect(lines).toEqual(['a', 'b']);
    const broken = new Readable({ read: () => broken.destroy(new Error('the pipe broke')) });
    await expect(linesOf(broken, new AbortController().signal).next()).rejects.toThrow('the pipe broke');
  });
});
