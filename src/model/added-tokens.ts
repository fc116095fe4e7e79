/**
 * Added tokens that tokenizer_config.json names and tokenizer.json lacks or describes differently.
 * transformers reads both files; reading only one would split a text where the model was trained with a
 * single token.
 */
import { z } from 'zod';
import { GrpoError } from '../common/errors.js';

type Json = Record<string, unknown>;

const flag = z.boolean().optional();
const token = z.looseObject({
  content: z.string().min(1),
  single_word: flag,
  lstrip: flag,
  rstrip: flag,
  normalized: flag,
  special: flag,
});
const decoder = z.record(z.string().regex(/^\d+$/), token);
type Token = z.infer<typeof token> & { id?: unknown };

/** Options of tokenizer_config.json that name special tokens. */
const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
const NAMED_LISTS = ['additional_special_tokens', 'extra_special_tokens'];

/**
 * The content of tokenizer.json with the added tokens of both files.
 * @throws {GrpoError} TOKENIZER_INVALID where added_tokens_decoder holds something else
 */
export function withAddedTokens(json: Json, config: Json, configFile: string): Json {
  // Other faults of tokenizer.json are reported by the tokenizer library.
  if (!Array.isArray(json.added_tokens)) return json;
  const added = [...(json.added_tokens as (Token | null)[])];
  const vocabulary = (json.model as { vocab?: unknown } | null | undefined)?.vocab;

  for (const one of described(config, configFile)) {
    const place = added.findIndex((other) => other?.content === one.content);
    // As in transformers the id is that of tokenizer.json, or the next free one; the key of the entry is
    // ignored.
    const id = added[place]?.id ?? idIn(vocabulary, one.content) ?? nextId(vocabulary, added);
    added.splice(place < 0 ? added.length : place, 1, { ...one, id });
  }
  for (const content of named(config)) {
    // A token that the vocabulary doesn't have is ignored.
    const id = idIn(vocabulary, content);
    if (id !== undefined && !added.some((other) => other?.content === content))
      added.push({ content, id, special: true, normalized: false });
  }
  return { ...json, added_tokens: added };
}

/** The tokens of added_tokens_decoder, in the order of their numbers. */
function described(config: Json, file: string): Token[] {
  const read = decoder.safeParse(config.added_tokens_decoder ?? {});
  if (!read.success) {
    const { path, message } = read.error.issues[0]!;
    throw new GrpoError('TOKENIZER_INVALID', `${file}: added_tokens_decoder${place(path)}: ${message}`, {
      fix: 'fetch tokenizer_config.json again, or save it with a current version of transformers',
      value: config.added_tokens_decoder,
    });
  }
  return Object.entries(read.data)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, one]) => one);
}

const place = (path: PropertyKey[]): string => path.map((part) => `[${String(part)}]`).join('');

/** The special tokens that the options of tokenizer_config.json name. */
function named(config: Json): string[] {
  const values = [
    ...NAMED.map((name) => config[name]),
    ...NAMED_LISTS.flatMap((name) => listOf(config[name])),
  ];
  return values.map(contentOf).filter((content) => content !== undefined && content !== '') as string[];
}

/** The values of a list, or of an object from names to tokens. */
const listOf = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value) : [];

/** A special token is a string, or an object with `content`. */
export function contentOf(value: unknown): string | undefined {
  const text =
    typeof value === 'string' ? value : (value as { content?: unknown } | null | undefined)?.content;
  return typeof text === 'string' ? text : undefined;
}

function idIn(vocabulary: unknown, content: string): unknown {
  // Unigram has a list, whose positions are the ids.
  if (Array.isArray(vocabulary)) {
    const position = vocabulary.findIndex((entry: unknown) => Array.isArray(entry) && entry[0] === content);
    return position < 0 ? undefined : position;
  }
  if (typeof vocabulary !== 'object' || vocabulary === null || !Object.hasOwn(vocabulary, content))
    return undefined;
  return (vocabulary as Json)[content];
}

/** The first free id after the vocabulary and the added tokens. */
function nextId(vocabulary: unknown, added: (Token | null)[]): number {
  const list = Array.isArray(vocabulary);
  const ids = new Set<unknown>(list ? vocabulary.keys() : Object.values(vocabulary ?? {}));
  let next = ids.size;
  for (const one of added) if (typeof one?.id === 'number') next = Math.max(next, one.id + 1);
  while (ids.has(next)) next++;
  return next;
}
