/** Special and added tokens. Ids are those of transformers 5.24, where no other reason is given. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../../src/run/evaluate.js';
import { answerTokens } from '../../../src/run/sft.js';
import { Split } from '../../../src/grpo/split.js';
import { stopRule } from '../../../src/grpo/stop.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';
import { FakeModel } from '../../support/fake-model.js';
import { codeOf, fixtureModel, modelWith } from '../../support/fixtures.js';
import { digits, run } from '../../support/trainer.js';

type Json = Record<string, unknown>;

/** A vocabulary of characters: '1' is 4, '2' is 5, <|endoftext|> is 0, and 84 the first id that is free. */
const CHARACTERS = 'qwen2-tied';
const fixture = JSON.parse(readFileSync(join(fixtureModel(CHARACTERS), 'tokenizer.json'), 'utf8')) as Json & {
  model: { vocab: Record<string, number> };
};

const tokenizerWith = (changes: Json): Promise<Tokenizer> =>
  Tokenizer.load(
    modelWith(CHARACTERS, 'tokenizer.json', (json) => ({ ...json, ...changes })),
    96,
  );

const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
const text = { Sequence: { id: 'A', type_id: 0 } };
const template = (...single: Json[]) => ({
  type: 'TemplateProcessing',
  single,
  pair: single,
  special_tokens: Object.fromEntries(
    ['<|endoftext|>', 'a', 'b'].map((token) => [token, { id: token, ids: [0], tokens: [token] }]),
  ),
});
const eot = special('<|endoftext|>');
const [a, b] = [fixture.model.vocab.a!, fixture.model.vocab.b!];

describe('special tokens that a tokenizer puts around a text', () => {
  it.each<[string, Json | null, number[]]>([
    ['none', null, []],
    ['none, bytes', { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true }, []],
    ['the text alone', template(text), []],
    ['one before it, as Llama 3', template(eot, text), [0]],
    ['two before it, as GLM', template(special('a'), special('b'), text), [a, b]],
    ['one after it', template(text, eot), []],
    ['one before and one after it', template(special('a'), text, eot), [a]],
    ['as BERT', { type: 'BertProcessing', cls: ['a', a], sep: ['b', b] }, [a]],
    [
      'as RoBERTa',
      { type: 'RobertaProcessing', cls: ['a', a], sep: ['b', b], trim_offsets: true, add_prefix_space: true },
      [a],
    ],
    [
      'in a sequence, as Llama 3',
      {
        type: 'Sequence',
        processors: [{ type: 'ByteLevel', add_prefix_space: true, trim_offsets: false }, template(eot, text)],
      },
      [0],
    ],
  ])('%s', async (_, post_processor, start) => {
    const tokenizer = await tokenizerWith({ post_processor });
    const begun = start.map((id) => tokenizer.token(id)).join('');
    expect([...tokenizer.encodePrompt('12')]).toEqual([...start, 4, 5]);
    expect([...tokenizer.encodePrompt(`${begun}12`)], 'begun already').toEqual([...start, 4, 5]);
    expect([...tokenizer.encodePrompt('')], 'nothing but the start').toEqual(start);
    expect([...tokenizer.encode('12')], 'what goes on').toEqual([4, 5]);
    const model = { tokenizer, eosTokenIds: [0] };
    expect(answerTokens(model, { prompt: '1' }, '2')).toEqual({
      prompt: Int32Array.from([...start, 4]),
      completion: Int32Array.of(5, 0),
    });
  });

  it.each<[string, Json]>([
    ['a start that has no id', template(special('<s>'), text)],
    ['no place for the text', template(eot)],
  ])('refuses %s', async (_, post_processor) => {
    const tokenizer = await tokenizerWith({ post_processor });
    expect(await codeOf(() => tokenizer.encodePrompt('1'))).toBe('TOKENIZER_INVALID');
  });
});

describe('added tokens of tokenizer_config.json', () => {
  const token = (content: string, more: Json = {}): Json => ({
    ...{ content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    ...more,
  });
  const decoder = (tokens: Json): Json => ({ added_tokens_decoder: tokens });
  const inVocabulary: Json = {
    model: { ...fixture.model, vocab: { ...fixture.model.vocab, '<im>': 95 } },
  };
  const inJson = (more: Json = {}): Json => ({
    added_tokens: [...(fixture.added_tokens as Json[]), { ...token('<im>', more), id: 84 }],
  });

  it.each<[string, Json, Json, string, number[], string]>([
    ['in no other file', {}, decoder({ 84: token('<im>') }), '1<im>2', [4, 84, 5], '12'],
    [
      'that are not special',
      {},
      decoder({ 84: token('<im>', { special: false }) }),
      '1<im>',
      [4, 84],
      '1<im>',
    ],
    ['numbered otherwise: the next id', {}, decoder({ 90: token('<im>') }), '1<im>2', [4, 84, 5], '12'],
    ['by number', {}, decoder({ 91: token('<b>'), 90: token('<a>') }), '<b>1<a>', [85, 4, 84], '1'],
    ['of the vocabulary', inVocabulary, decoder({ 40: token('<im>') }), '1<im>2', [4, 95, 5], '12'],
    [
      'of both, special here',
      inJson({ special: false }),
      decoder({ 84: token('<im>') }),
      '1<im>',
      [4, 84],
      '1',
    ],
    [
      'of both, special there',
      inJson(),
      decoder({ 84: token('<im>', { special: false }) }),
      '1<im>',
      [4, 84],
      '1<im>',
    ],
    [
      'that take spaces',
      inJson(),
      decoder({ 84: token('<im>', { lstrip: true, rstrip: true }) }),
      '1 <im> 2',
      [4, 84, 5],
      '12',
    ],
    ['that end a sequence', inVocabulary, { eos_token: '<im>' }, '1<im>2', [4, 95, 5], '12'],
    ['named as an object', inVocabulary, { pad_token: token('<im>') }, '1<im>2', [4, 95, 5], '12'],
    ['of a list', inVocabulary, { additional_special_tokens: ['<im>'] }, '1<im>2', [4, 95, 5], '12'],
    ['of a list of today', inVocabulary, { extra_special_tokens: ['<im>'] }, '1<im>2', [4, 95, 5], '12'],
  ])('%s', async (_, json, config, from, ids, plain) => {
    const folder = modelWith(CHARACTERS, 'tokenizer.json', (own) => ({ ...own, ...json }));
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
    const tokenizer = await Tokenizer.load(folder, 96);
    expect([...tokenizer.encode(from)]).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(plain);
    expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(from.replaceAll(' ', ''));
  });

  it.each<[string, unknown]>([
    ['a list', [token('<im>')]],
    ['no number', { a: token('<im>') }],
    ['no token', { 84: '<im>' }],
    ['a token without text', { 84: token('') }],
    ['a flag that is none', { 84: token('<im>', { special: 'yes' }) }],
  ])('are refused where they are %s', async (_, added_tokens_decoder) => {
    const folder = modelWith(CHARACTERS, 'tokenizer_config.json', (own) => ({
      ...own,
      added_tokens_decoder,
    }));
    expect(await codeOf(Tokenizer.load(folder, 96))).toBe('TOKENIZER_INVALID');
  });
});

describe('a vocabulary of bytes', () => {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const vocab = ['<|endoftext|>', '1', '数字', 'Ġ数', 'Ġ', 'é', 'Ã©', 'a b', '\0', '🦜'];
  const model = { type: 'BPE', vocab: Object.fromEntries(vocab.map((token, id) => [token, id])), merges: [] };

  it.each<[string, Json]>([
    ['alone', bytes],
    ['in a sequence', { type: 'Sequence', decoders: [bytes, { type: 'Fuse' }] }],
  ])('gives the text of entries that stand for none: %s', async (_, decoder) => {
    const tokenizer = await tokenizerWith({ model, decoder, pre_tokenizer: null, post_processor: null });
    for (const [ids, expected] of [
      [[2], '数字'],
      [[1, 2, 1], '1数字1'],
      [[3], 'Ġ数'],
      [[4, 1], ' 1'],
      [[5], '\ufffd'],
      [[6], 'é'],
      [[7], 'a b'],
      [[8], '\0'],
      [[1, 9, 6], '1🦜é'],
    ] as const)
      expect(tokenizer.decode(ids), ids.join()).toBe(expected);
  });
});

describe('the end of an answer that sft teaches', () => {
  it.each<[string, number[], string | null, number]>([
    ["the turn's, the first of several", [95, 0], '<im>', 95],
    ["the turn's, the last of several, as Llama 3 has it", [0, 94, 95], '<im>', 95],
    ['the first that ends sampling, where the tokenizer has another', [0, 94], '<im>', 0],
    ['the first, where the tokenizer has none', [94, 0], null, 94],
    ['a newline, where nothing ends sampling', [], null, fixture.model.vocab['\n']!],
  ])('%s', async (_, eosTokenIds, eos_token, end) => {
    const folder = modelWith(CHARACTERS, 'tokenizer.json', (own) => ({
      ...own,
      model: { ...fixture.model, vocab: { ...fixture.model.vocab, '<tool>': 94, '<im>': 95 } },
    }));
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ eos_token }));
    const tokenizer = await Tokenizer.load(folder, 96);
    const model = { tokenizer, eosTokenIds };
    expect(answerTokens(model, { prompt: '1' }, '2').completion).toEqual(Int32Array.of(5, end));
  });
});

describe('texts that stop a completion', () => {
  it.each<[string, string | string[], string, string, boolean]>([
    ['a special token', '<im>', '25', '25<im>', true],
    ['a special token of several', ['\n', '<im>'], '25', '25<im>', true],
    ['a text', '\n', '25\n', '25\n', true],
    ['a special token that was not drawn', '<im>', '25', '25<|endoftext|>', false],
    ['a text that a special token parts', '25', '25', '2<im>5', false],
  ])('%s', (_, stop, shown, drawn, stops) => {
    expect(stopRule(stop)!(shown, { prompt: '', answer: '' }, drawn)).toBe(stops);
  });

  it('leave the rule of a task to what its reward sees', () => {
    const seen: string[] = [];
    const stop = (shown: string) => seen.push(shown) > 0;
    const task = { name: 'own', problems: () => [], reward: () => [], stop };
    stopRule('answer', task)!('25', { prompt: '', answer: '' }, '25<im>');
    expect(seen).toEqual(['25']);
  });

  it.each([1, 4])('reach what eval and train draw, in %i parts', async (parts) => {
    const folder = modelWith(CHARACTERS, 'tokenizer_config.json', (own) => ({
      ...own,
      extra_special_tokens: ['<|im_end|>'],
    }));
    const model = new FakeModel(folder, await Tokenizer.load(folder, 96));
    const ended = new Set<string>();
    const stop = '<|im_end|>';
    await evaluate(model, {
      task: digits,
      problems: (await digits.problems()).slice(0, 20),
      stop: stopRule(stop)!,
      maxCompletionLength: 40,
      temperature: 1,
      inParts: new Split({ sample: parts, score: 1, learn: 1 }),
      onCompletion: ({ ended: how }) => ended.add(how),
    });
    expect(ended).toContain('stop');
    ended.clear();
    await run(
      { stop, maxSteps: 2, maxCompletionLength: 40, evalSamples: 0 },
      { model, save: false, onCompletions: (_, all) => all.forEach(({ ended: how }) => ended.add(how)) },
    );
    expect(ended).toContain('stop');
  });
});
