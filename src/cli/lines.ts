/** Standard input as lines. A byte order mark at the beginning is skipped. */
import { addAbortSignal, type Readable } from 'node:stream';
import { linesOf as split } from '../machine/lines.js';
import { isAbort } from './interrupt.js';

/** Ends with the stream, or without an error when `signal` is aborted. */
export async function* linesOf(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  for await (const lines of split(decoded(input, signal))) yield* lines;
}

async function* decoded(input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  try {
    for await (const bytes of addAbortSignal(signal, input) as AsyncIterable<Uint8Array>)
      yield decoder.decode(bytes, { stream: true });
  } catch (error) {
    if (!(signal.aborted && isAbort(error))) throw error;
  }
  yield decoder.decode();
}
