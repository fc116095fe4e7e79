/**
 * Lines of a stream of UTF-8, as JSON lines has them: `\n` or `\r\n` ends one. Node's readline ends them at U+2028
 * and U+2029 too, which may stand in the strings of JSON. A byte order mark at the beginning is no part of a line.
 */
import { addAbortSignal, type Readable } from 'node:stream';
import { isAbort } from './interrupt.js';

/** Ends where the stream does, or, without an error, when `signal` is aborted. */
export async function* linesOf(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun = '';
  try {
    for await (const bytes of addAbortSignal(signal, input) as AsyncIterable<Uint8Array>) {
      const [rest = '', ...next] = decoder.decode(bytes, { stream: true }).split('\n');
      begun += rest;
      for (const text of next) {
        yield begun.replace(/\r$/, '');
        begun = text;
      }
    }
  } catch (error) {
    if (!(signal.aborted && isAbort(error))) throw error;
  }
  begun += decoder.decode();
  if (begun !== '') yield begun;
}
