/** The keys and values of a GGUF file that say how text becomes tokens. */
import { join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { isObject } from '../../common/json.js';
import { contentOf, withAddedTokens } from '../added-tokens.js';
import { templatesOf } from '../chat-template.js';
import { readJsonObject } from '../json.js';
import { readEosTokenIds, Tokenizer } from '../tokenizer.js';
import { bool, type Entries, ints, text, texts, uint } from './metadata.js';

type Json = Record<string, unknown>;
interface AddedToken {
  id: number;
  content: string;
  special?: boolean;
}

/** llama.cpp's kinds of token. */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

/** Where a text is split before its bytes are merged: llama.cpp's names of the expressions of `tokenizer.json`. */
const SPLITS: Record<string, string> = {
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    'qwen2',
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    'llama-bpe',
};

/**
 * Tokens, merges, special tokens and chat template of a model folder.
 * @throws {GrpoError} GGUF_TOKENIZER where llama.cpp has no such tokenizer, TOKENIZER_MISSING, TOKENIZER_INVALID
 */
export async function tokenizerMetadata(folder: string, vocabSize: number): Promise<Entries> {
  const tokenizer = await Tokenizer.load(folder, vocabSize);
  const configFile = join(folder, 'tokenizer_config.json');
  const config = (await readJsonObject(configFile)) ?? {};
  const json = withAddedTokens((await readJsonObject(join(folder, 'tokenizer.json')))!, config, configFile);
  const { tokens, merges, pre } = vocabularyOf(json, folder);

  const names = Array.from({ length: vocabSize }, (_, id) => tokens.get(id) ?? `[PAD${id}]`);
  const types: number[] = names.map((_, id) => (tokens.has(id) ? NORMAL : UNUSED));
  for (const { id, content, special } of (json.added_tokens ?? []) as AddedToken[]) {
    if (id >= vocabSize) continue;
    names[id] = content;
    types[id] = special === true || /^<[|｜].*[|｜]>$/u.test(content) ? CONTROL : USER_DEFINED;
  }
  return {
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text(pre),
    'tokenizer.ggml.tokens': texts(names),
    'tokenizer.ggml.token_type': ints(types),
    'tokenizer.ggml.merges': texts(merges),
    ...(await specialTokens(folder, vocabSize, tokenizer, config)),
    ...(await chatTemplates(folder)),
  };
}

function vocabularyOf(
  json: Json,
  folder: string,
): { tokens: Map<number, string>; merges: string[]; pre: string } {
  const { type, vocab, merges = [], byte_fallback, dropout } = (json.model ?? {}) as Json;
  const entries = isObject(vocab) ? (Object.entries(vocab) as [string, number][]) : [];
  // Each character a token: pieces of one byte, and nothing that merges them.
  if (type === 'WordLevel' && isByCharacter(json) && entries.every(([token]) => isAscii(token))) {
    const named = entries.map(([token, id]) => [id, [...token].map(byteName).join('')] as const);
    return { tokens: new Map(named), merges: [], pre: 'gpt-2' };
  }
  const pre = preOf(json.pre_tokenizer);
  if (type !== 'BPE' || pre === undefined || byte_fallback === true || typeof dropout === 'number')
    throw new GrpoError('GGUF_TOKENIZER', `${folder}: llama.cpp is not known to have its tokenizer`, {
      fix: 'byte-level BPE as of Qwen, Llama 3, SmolLM2 and GPT-2 can be written; for another use llama.cpp’s convert_hf_to_gguf.py',
      value: type,
    });
  const escaped = (part: string) => part.replaceAll(' ', byteName(' '));
  const pairs = (merges as (string | [string, string])[]).map((pair) =>
    typeof pair === 'string' ? pair : pair.map(escaped).join(' '),
  );
  return { tokens: new Map(entries.map(([token, id]) => [id, token])), merges: pairs, pre };
}

/** Whether `tokenizer.json` splits a text into its characters. */
function isByCharacter({ pre_tokenizer, normalizer }: Json): boolean {
  const { type, pattern, behavior } = (pre_tokenizer ?? {}) as Json;
  const empty = isObject(pattern) && pattern.String === '';
  return normalizer === null && type === 'Split' && empty && behavior === 'Isolated';
}

const isAscii = (token: string): boolean => [...token].every((character) => character <= '\x7f');

/** How GPT-2's vocabulary writes an ASCII character: what can't be seen by a character from U+0100 on. */
function byteName(character: string): string {
  const code = character.charCodeAt(0);
  if (code > 32 && code < 127) return character;
  return String.fromCodePoint(code <= 32 ? 256 + code : 256 + 33 + code - 127);
}

/** llama.cpp's name of the way in which a pre-tokenizer splits; undefined where it has none. */
function preOf(preTokenizer: unknown): string | undefined {
  const { type, pretokenizers } = (preTokenizer ?? {}) as Json;
  const steps = (type === 'Sequence' ? pretokenizers : [preTokenizer]) as Json[];
  const bytes = steps.at(-1);
  if (bytes?.type !== 'ByteLevel' || bytes.add_prefix_space === true) return undefined;
  const before = steps.slice(0, -1);
  if (before.length === 0) return bytes.use_regex === false ? undefined : 'gpt-2';
  const [first] = before;
  if (before.length > 1 || first === undefined) return undefined;
  if (first.type === 'Digits')
    return first.individual_digits === true && bytes.use_regex !== false ? 'smollm' : undefined;
  const isSplit = first.type === 'Split' && first.behavior === 'Isolated' && first.invert !== true;
  const { Regex: expression } = (first.pattern ?? {}) as { Regex?: string };
  return isSplit && bytes.use_regex === false && expression !== undefined ? SPLITS[expression] : undefined;
}

/** Ids of the tokens that begin and end a text, and whether the first is put before a prompt. */
async function specialTokens(
  folder: string,
  vocabSize: number,
  tokenizer: Tokenizer,
  config: Json,
): Promise<Entries> {
  const ends = (await readEosTokenIds(folder, tokenizer)).filter((id) => id < vocabSize);
  const end = tokenizer.eosTokenId ?? ends[0];
  const endOfTurn = ends.find((id) => id !== end);
  const start = [...tokenizer.encodePrompt('')];
  if (start.length > 1)
    throw new GrpoError(
      'GGUF_TOKENIZER',
      `its tokenizer begins a text with ${start.length} tokens, llama.cpp with one`,
      {
        fix: 'run the model by transformers or vLLM, which load its folder as it is',
        value: start,
      },
    );
  const bosToken = contentOf(config.bos_token);
  const bos = start[0] ?? (bosToken === undefined ? undefined : tokenizer.idOf(bosToken));
  const entry = (key: string, id: number | undefined): Entries =>
    id === undefined ? {} : { [`tokenizer.ggml.${key}_token_id`]: uint(id) };
  return {
    ...entry('bos', bos),
    ...entry('eos', end),
    ...entry('eot', endOfTurn),
    ...entry('padding', tokenizer.padTokenId),
    'tokenizer.ggml.add_bos_token': bool(start.length > 0),
  };
}

/** The chat template, and those with names. */
async function chatTemplates(folder: string): Promise<Entries> {
  const key = (name: string) =>
    name === 'default' ? 'tokenizer.chat_template' : `tokenizer.chat_template.${name}`;
  return Object.fromEntries(
    [...(await templatesOf(folder))].map(([name, one]) => [key(name), text(one.text)]),
  );
}
