import { describe, expect, it } from 'vitest';
import { UnhurriedOutput } from '../../../src/cli/unhurried.js';

/** A stream that takes what is written when it is told to. */
function reader() {
  const taken: string[] = [];
  const waiting: string[] = [];
  const stream = {
    writable: true,
    get writableLength() {
      return waiting.join('').length;
    },
    write: (text: string) => waiting.push(text),
  };
  return { stream, taken, read: () => taken.push(...waiting.splice(0)) };
}
const gap = (lines: number) => `${lines} left out\n`;

describe('an output that nobody need read', () => {
  it('leaves out whole writes beyond its limit, and says how many lines', () => {
    const { stream, taken, read } = reader();
    const output = new UnhurriedOutput(stream, gap, 10);
    output.write('12345678\n');
    expect(output.busy).toBe(true);
    output.write('a\nb\n');
    output.write('c\n');
    read();
    expect(output.busy).toBe(false);
    output.write('d\n');
    read();
    expect(taken).toEqual(['12345678\n', '3 left out\n', 'd\n']);
  });

  it('waits for a slow reader, but not for one that takes nothing or is gone', async () => {
    const { stream, read } = reader();
    const output = new UnhurriedOutput(stream, gap);
    expect(await output.drained(50)).toBe(true);
    output.write('a\n');
    setTimeout(read, 30);
    expect(await output.drained(1000)).toBe(true);
    output.write('b\n');
    expect(await output.drained(50)).toBe(false);
    stream.writable = false;
    expect(await output.drained(50)).toBe(true);
  });

  it('asks a terminal not to be waited for', () => {
    const asked: boolean[] = [];
    const { stream } = reader();
    new UnhurriedOutput(
      Object.assign(stream, { _handle: { setBlocking: (on: boolean) => asked.push(on) } }),
      gap,
    );
    expect(asked).toEqual([false]);
  });
});
