/**
 * Added tokens that tokenizer_config.json names and tokenizer.json does not, or describes otherwise: transformers
 * takes them from both files, and so must we, or a text is split where the model was taught one token.
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
  // What else is wrong with tokenizer.json, its library says.
  if (!Array.isArray(json.added_tokens)) return json;
  const added = [...(json.added_tokens as (Token | null)[])];
  const vocabulary = (json.model as { vocab?: unknown } | null | undefined)?.vocab;

  for (const one of described(config, configFile)) {
    const place = added.findIndex((other) => other?.content === one.content);
    // transformers takes the id from tokenizer.json, or the next one: the number it stands under counts for nothing.
    const id = added[place]?.id ?? idIn(vocabulary, one.content) ?? nextId(vocabulary, added);
    added.splice(place < 0 ? added.length : place, 1, { ...one, id });
  }
  for (const content of named(config)) {
    // A name that the vocabulary doesn't have is no token of this model.
    const id = idIn(vocabulary, content);
    if (id !== undefined && !added.some((other) => other?.content === content))
      added.push({ content, id, special: true, normalized: false });
  }
  return { ...json, added_tokens: added };
}

/** Of added_tokens_decoder, in the order of their numbers. */
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

function named(config: Json): string[] {
  const values = [
    ...NAMED.map((name) => config[name]),
    ...NAMED_LISTS.flatMap((name) => listOf(config[name])),
  ];
  return values.map(contentOf).filter((content) => content !== undefined && content !== '') as string[];
}

/** Several are a list, or an object of a name each. */
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

/** After the vocabulary and the tokens that were added to it; one that is taken is passed over. */
function nextId(vocabulary: unknown, added: (Token | null)[]): number {
  const list = Array.isArray(vocabulary);
  const ids = new Set<unknown>(list ? vocabulary.keys() : Object.values(vocabulary ?? {}));
  let next = ids.size;
  for (const one of added) if (typeof one?.id === 'number') next = Math.max(next, one.id + 1);
  while (ids.has(next)) next++;
  return next;
}
