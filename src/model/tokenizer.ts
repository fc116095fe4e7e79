/**
 * `tokenizer.json` -> ids and back, by Hugging Face's own JavaScript implementation.
 * Text goes in as `tokenizer(text)` does in transformers; Qwen's and SmolLM2's tokenizers
 * add no special tokens to it.
 */
import { join } from 'node:path';
import * as huggingFace from '@huggingface/tokenizers';
import { GrpoError, cut, reasonOf, shown } from '../errors.js';
import { byteDecoder } from './byte-level.js';
import { readJsonObject } from './json.js';
import { checkIds } from './tokenizer-ids.js';

type Json = Record<string, unknown>;

/** What is used of it: its own declarations do not resolve from an ES module. */
interface HuggingFaceTokenizer {
  encode(text: string): { ids: (number | undefined)[] };
  decode(ids: number[], options: Record<string, boolean>): string;
  get_added_tokens_decoder(): Map<number, { special: boolean }>;
  get_vocab(withAddedTokens: boolean): Map<string, number>;
  id_to_token(id: number): string | undefined;
  token_to_id(token: string): number | undefined;
}
const HuggingFaceTokenizer = (huggingFace as unknown as Record<string, unknown>).Tokenizer as new (
  json: Json,
  config: Json,
) => HuggingFaceTokenizer;

export class Tokenizer {
  /** Highest id that the tokenizer knows, plus one; a model's vocabulary may be larger (padding). */
  readonly size: number;
  /** Of `tokenizer_config.json`; undefined where it names none. */
  readonly eosTokenId: number | undefined;
  readonly padTokenId: number | undefined;

  readonly #inner: HuggingFaceTokenizer;
  readonly #special: Set<number>;
  /** Added tokens that the model has no embedding for. */
  readonly #beyond: Map<number, string>;
  /** Set for byte-level vocabularies (Qwen, SmolLM2, Llama 3): many times faster than the general way. */
  readonly #decodeBytes: ((ids: ArrayLike<number>) => string) | undefined;

  constructor(json: Json, config: Json, beyond = new Map<number, string>()) {
    this.#beyond = beyond;
    this.#inner = new HuggingFaceTokenizer(json, config);
    const added = this.#inner.get_added_tokens_decoder();
    this.#special = new Set([...added].filter(([, token]) => token.special).map(([id]) => id));
    let last = -1;
    for (const id of this.#inner.get_vocab(true).values()) if (id > last) last = id;
    this.size = last + 1;
    this.eosTokenId = this.#idOf(config.eos_token);
    this.padTokenId = this.#idOf(config.pad_token);
    const decoder = json.decoder as { type?: string } | null;
    if (decoder?.type === 'ByteLevel')
      this.#decodeBytes = byteDecoder((id) => this.#inner.id_to_token(id), new Set(added.keys()));
  }

  /**
   * @param vocabSize of the model; an id that it has no embedding for is refused here, not in the middle of a run
   * @param onNotice told of added tokens without one, which are refused where they are used
   */
  static async load(
    folder: string,
    vocabSize?: number,
    onNotice?: (text: string) => void,
  ): Promise<Tokenizer> {
    const file = join(folder, 'tokenizer.json');
    const json = await readJsonObject(file);
    if (!json)
      throw new GrpoError('TOKENIZER_MISSING', `there is no tokenizer.json in ${folder}`, {
        fix: 'convert the tokenizer with transformers: AutoTokenizer.from_pretrained(...).save_pretrained(folder)',
        value: folder,
      });
    const config = (await readJsonObject(join(folder, 'tokenizer_config.json'))) ?? {};
    const beyond = checkIds(json, file, vocabSize);
    if (beyond.size > 0)
      onNotice?.(
        `${file} has added tokens beyond the model's ${vocabSize} embeddings, which can't be used: ${cut([...beyond.values()].join(' '))}`,
      );
    let tokenizer: Tokenizer;
    try {
      tokenizer = new Tokenizer(json, config, beyond);
    } catch (error) {
      throw invalid(`${file}: ${reasonOf(error)}`, error);
    }
    return tokenizer;
  }

  encode(text: string): Int32Array {
    const { ids } = attempt(`encode ${shown(text)}`, () => this.#inner.encode(text));
    // A vocabulary without an unknown token leaves holes where it has no word for a character.
    if (!ids.every((id): id is number => Number.isInteger(id) && id! >= 0 && id! < this.size))
      throw new GrpoError('TOKENIZER_TEXT', `the tokenizer has no token for a part of ${shown(text)}`, {
        fix: 'use only characters that the model knows, or a model with a larger vocabulary',
        value: text,
      });
    for (const id of ids) {
      const token = this.#beyond.get(id);
      if (token !== undefined) throw beyondVocabulary(token, text);
    }
    return Int32Array.from(ids);
  }

  /** @throws {GrpoError} TOKENIZER_VOCABULARY where the text has a token in it that the model can't draw */
  checkDrawable(text: string): void {
    for (const token of this.#beyond.values()) if (text.includes(token)) throw beyondVocabulary(token, text);
  }

  /** Text of the ids; ids that the tokenizer doesn't know are no text. */
  decode(ids: ArrayLike<number>, options: { skipSpecialTokens?: boolean } = {}): string {
    const skip = options.skipSpecialTokens ?? true;
    const known = Array.from(ids).filter(
      (id) => !(skip && this.#special.has(id)) && this.#inner.id_to_token(id) !== undefined,
    );
    if (known.length === 0) return '';
    if (this.#decodeBytes) return this.#decodeBytes(known);
    const how = { skip_special_tokens: false, clean_up_tokenization_spaces: false };
    return attempt('decode', () => this.#inner.decode(known, how));
  }

  /** Text of one id as it is stored, for display. */
  token(id: number): string {
    return this.#inner.id_to_token(id) ?? `<${id}>`;
  }

  idOf(token: string): number | undefined {
    return this.#inner.token_to_id(token);
  }

  /** `eos_token` is a string, or an object with `content`. */
  #idOf(token: unknown): number | undefined {
    const text =
      typeof token === 'string' ? token : (token as { content?: unknown } | null | undefined)?.content;
    return typeof text === 'string' ? this.#inner.token_to_id(text) : undefined;
  }
}

/** A tokenizer.json may be of a form that its library takes, and trips over when it is used. */
function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw invalid(`the tokenizer cannot ${what}: ${reasonOf(error)}`, error);
  }
}

function beyondVocabulary(token: string, text: string): GrpoError {
  return new GrpoError(
    'TOKENIZER_VOCABULARY',
    `${shown(text)} has the token ${shown(token)}, for which the model has no embedding`,
    { fix: 'leave the token out, or use a model that was trained with it', value: token },
  );
}

function invalid(message: string, cause: unknown): GrpoError {
  return new GrpoError('TOKENIZER_INVALID', message, {
    fix: 'fetch tokenizer.json again, or save it with a current version of transformers',
    cause,
  });
}

/**
 * Ids that end a completion: generation_config.json's, else config.json's, else the tokenizer's.
 * Instruction-tuned models name several.
 */
export async function readEosTokenIds(folder: string, tokenizer: Tokenizer): Promise<number[]> {
  for (const name of ['generation_config.json', 'config.json']) {
    const value = (await readJsonObject(join(folder, name)))?.eos_token_id;
    const ids = (Array.isArray(value) ? value : [value]).filter(
      (id): id is number => Number.isInteger(id) && (id as number) >= 0,
    );
    if (ids.length > 0) return ids;
  }
  return tokenizer.eosTokenId === undefined ? [] : [tokenizer.eosTokenId];
}
