/**
 * Splits a UTF-8 stream into lines, as JSON Lines defines them: they end with `\n` or `\r\n`. Node's readline also
 * splits at U+2028 and U+2029, which are valid in JSON strings. A byte order mark at the beginning is skipped.
 */
import { addAbortSignal, type Readable } from 'node:stream';
import { isAbort } from './interrupt.js';

/** Ends with the stream, or without an error when `signal` is aborted. */
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
