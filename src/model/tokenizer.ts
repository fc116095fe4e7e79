/**
 * The tokenizer: text to token ids and back, by Hugging Face's JavaScript implementation of `tokenizer.json`.
 *
 * A prompt and its completion are encoded separately. Of the special tokens that the tokenizer puts around a
 * text, those before it are added to the prompt only. Those after it (BERT's [SEP], an end of text) are added
 * to neither, since the completion continues the prompt.
 */
import { join } from 'node:path';
import * as huggingFace from '@huggingface/tokenizers';
import { GrpoError, cut, reasonOf, shown } from '../common/errors.js';
import { contentOf, withAddedTokens } from './added-tokens.js';
import { byteDecoder, type ByteDecoder } from './byte-level.js';
import { dividedText, isLocal, type GrowingText } from './growing-text.js';
import { readJsonObject } from './json.js';
import { checkIds } from './tokenizer-ids.js';

type Json = Record<string, unknown>;

/** The part of the tokenizer library that is used; its own declarations do not resolve from an ES module. */
interface HuggingFaceTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  decode(ids: number[], options: Record<string, boolean>): string;
  readonly post_processor: {
    post_process(tokens: string[], pair: null, addSpecialTokens: boolean): { tokens: string[] };
  } | null;
  get_added_tokens_decoder(): Map<number, { special: boolean }>;
  get_vocab(withAddedTokens: boolean): Map<string, number>;
  id_to_token(id: number): string | undefined;
  token_to_id(token: string): number | undefined;
}
const HuggingFaceTokenizer = (huggingFace as unknown as Record<string, unknown>).Tokenizer as new (
  json: Json,
  config: Json,
) => HuggingFaceTokenizer;

/**
 * Text to token ids and back, from a model's `tokenizer.json`. `LanguageModel` has one as `model.tokenizer`.
 *
 * @example
 * ```ts
 * const tokenizer = await Tokenizer.load('models/Qwen2.5-0.5B');
 * const ids = tokenizer.encode('15 + 8 = 23'); // Int32Array
 * tokenizer.decode(ids); // '15 + 8 = 23'
 * ```
 */
export class Tokenizer {
  /** Highest token id plus one. A model may have embeddings for more (padding). */
  readonly size: number;
  /** Id of `eos_token` in `tokenizer_config.json`; undefined where it names none. */
  readonly eosTokenId: number | undefined;
  /** Id of `pad_token` in `tokenizer_config.json`; undefined where it names none. */
  readonly padTokenId: number | undefined;

  readonly #inner: HuggingFaceTokenizer;
  readonly #special: Set<number>;
  /** Ids of the special tokens before a text; computed on first use. */
  #start: number[] | undefined;
  /** Added tokens that the model has no embedding for. */
  readonly #beyond: Map<number, string>;
  /** A decoder for byte-level vocabularies (Qwen, SmolLM2, Llama 3), many times faster than the library's. */
  readonly #bytes: ByteDecoder | undefined;
  /** The text of no token. */
  readonly #nothing: GrowingText;

  /** @internal Made by `load`. */
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
    if (isByteLevel(json.decoder)) this.#bytes = byteDecoder((id) => this.#stored(id), new Set(added.keys()));
    this.#nothing = this.#bytes?.nothing ?? this.#divided(json);
  }

  /**
   * Reads `tokenizer.json` and `tokenizer_config.json` of a folder.
   *
   * @param folder in the Hugging Face layout
   * @param vocabSize embeddings of the model; ids beyond them are refused here, rather than in the middle of a
   * run
   * @param onNotice told of added tokens beyond them, which are refused only where they are used
   * @throws {GrpoError} TOKENIZER_MISSING, TOKENIZER_INVALID, TOKENIZER_VOCABULARY, MODEL_FILE_UNREADABLE
   */
  static async load(
    folder: string,
    vocabSize?: number,
    onNotice?: (text: string) => void,
  ): Promise<Tokenizer> {
    const file = join(folder, 'tokenizer.json');
    const read = await readJsonObject(file);
    if (!read)
      throw new GrpoError('TOKENIZER_MISSING', `there is no tokenizer.json in ${folder}`, {
        fix: 'convert the tokenizer with transformers: AutoTokenizer.from_pretrained(...).save_pretrained(folder)',
        value: folder,
      });
    const configFile = join(folder, 'tokenizer_config.json');
    const config = (await readJsonObject(configFile)) ?? {};
    const json = withAddedTokens(read, config, configFile);
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

  /**
   * Ids of a text alone, without a beginning-of-text token: of an answer, or of what goes on from a prompt.
   *
   * @throws {GrpoError} TOKENIZER_TEXT, TOKENIZER_VOCABULARY
   */
  encode(text: string): Int32Array {
    const { ids } = attempt(`encode ${shown(text)}`, () =>
      this.#inner.encode(text, { add_special_tokens: false }),
    );
    // A vocabulary without an unknown token gives undefined where it has no token for a character.
    if (!ids.every((id): id is number => Number.isInteger(id) && id! >= 0 && id! < this.size))
      throw new GrpoError('TOKENIZER_TEXT', `the tokenizer has no token for a part of ${shown(text)}`, {
        fix: 'use only characters that the model knows, or a model with a larger vocabulary',
        value: text,
      });
    this.#refuseBeyond(ids, text);
    return Int32Array.from(ids);
  }

  /**
   * Ids of a prompt, with the tokens that the tokenizer begins a text with (Llama 3: `<|begin_of_text|>`),
   * once.
   *
   * @throws {GrpoError} TOKENIZER_TEXT, TOKENIZER_VOCABULARY
   */
  encodePrompt(text: string): Int32Array {
    const ids = this.encode(text);
    const start = (this.#start ??= attempt('begin a text', () => this.#startIds()));
    this.#refuseBeyond(start, text);
    return start.every((id, i) => ids[i] === id) ? ids : Int32Array.from([...start, ...ids]);
  }

  #refuseBeyond(ids: readonly number[], text: string): void {
    for (const id of ids) {
      const token = this.#beyond.get(id);
      if (token !== undefined) throw beyondVocabulary(token, text);
    }
  }

  /**
   * Refuses a text that contains a token that the model has no embedding for, and so can't sample.
   *
   * @throws {GrpoError} TOKENIZER_VOCABULARY
   */
  checkDrawable(text: string): void {
    for (const token of this.#beyond.values()) if (text.includes(token)) throw beyondVocabulary(token, text);
  }

  /**
   * Text of ids. Special tokens are left out unless `skipSpecialTokens` is false; ids that the tokenizer
   * doesn't know are left out always.
   */
  decode(ids: ArrayLike<number>, options: { skipSpecialTokens?: boolean } = {}): string {
    const skip = options.skipSpecialTokens ?? true;
    const known = Array.from(ids).filter(
      (id) => !(skip && this.#special.has(id)) && this.#inner.id_to_token(id) !== undefined,
    );
    if (known.length === 0) return '';
    return this.#bytes ? this.#bytes.decode(known) : this.#decodeByLibrary(known);
  }

  /**
   * The text of no token, which grows by one token at a time. Its texts are those of `decode` with special tokens; who
   * wants them left out leaves them out.
   *
   * @internal
   */
  growingText(): GrowingText {
    return this.#nothing;
  }

  /** Text of an id as the vocabulary stores it; a damaged file may have anything there. */
  #stored(id: number): string | undefined {
    const token: unknown = this.#inner.id_to_token(id);
    return typeof token === 'string' ? token : undefined;
  }

  /** @param ids that the vocabulary has; at least one */
  #decodeByLibrary(ids: number[]): string {
    const how = { skip_special_tokens: false, clean_up_tokenization_spaces: false };
    return attempt('decode', () => this.#inner.decode(ids, how));
  }

  /** The text of no token, where the decoder is not byte-level. */
  #divided({ decoder, model }: Json): GrowingText {
    const local = isLocal(decoder) && !(model as Json | undefined)?.end_of_word_suffix;
    const decode = (ids: number[]) => this.decode(ids, { skipSpecialTokens: false });
    const known = new Map<number, boolean>();
    const divides = (id: number): boolean => {
      let answer = known.get(id);
      if (answer === undefined) {
        // Bytes belong to the characters that they are part of; a token without text isn't the first one that has any.
        answer = local && !/^<0x..>$/.test(this.token(id)) && decode([id, id]) !== '';
        known.set(id, answer);
      }
      return answer;
    };
    return dividedText({ decode, divides });
  }

  /** Text of one id as the vocabulary stores it, for display. */
  token(id: number): string {
    return this.#inner.id_to_token(id) ?? `<${id}>`;
  }

  /** Whether an id is a special token, which `decode` leaves out by default. */
  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  /** Id of a token by its text in the vocabulary; undefined where there is none. */
  idOf(token: string): number | undefined {
    return this.#inner.token_to_id(token);
  }

  #idOf(token: unknown): number | undefined {
    const text = contentOf(token);
    return text === undefined ? undefined : this.#inner.token_to_id(text);
  }

  /** Ids that the post-processor puts before a text; found by processing a text of one made-up token. */
  #startIds(): number[] {
    const text = '\0text';
    const { tokens } = this.#inner.post_processor?.post_process([text], null, true) ?? { tokens: [text] };
    if (!tokens.includes(text)) throw new Error('its post-processor leaves the text out');
    return tokens.slice(0, tokens.indexOf(text)).map((token) => {
      const id = this.#inner.token_to_id(token);
      if (id === undefined) throw new Error(`its post-processor names ${shown(token)}, which has no id`);
      return id;
    });
  }
}

/** Whether a decoder is `ByteLevel`, alone or as the only effective step of a sequence. */
function isByteLevel(decoder: unknown): boolean {
  const { type, decoders } = (decoder ?? {}) as { type?: unknown; decoders?: unknown };
  if (type !== 'Sequence' || !Array.isArray(decoders)) return type === 'ByteLevel';
  const types = decoders.map((one: { type?: unknown } | null) => one?.type);
  return types.filter((one) => one !== 'Fuse').join() === 'ByteLevel';
}

/** Calls the tokenizer library; a tokenizer.json may have faults that appear only when it is used. */
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
