/**
 * A stand-in tokenizer for models with random weights. A word, a digit, or a sign with the space before it is one
 * token, as in Qwen's; its id is a hash of its text. Ids are decoded to their numbers.
 */
import { hash32 } from '../src/common/random.js';
import { dividedText } from '../src/model/growing-text.js';
import type { Tokenizer } from '../src/model/tokenizer.js';

const PIECE = /[A-Za-z]+|\d| ?[^\w\s]|\s|./gsu;

export function shapeTokenizer(vocabSize: number): Tokenizer {
  const encode = (text: string) =>
    Int32Array.from(text.match(PIECE) ?? [], (piece) => hash32(piece) % vocabSize);
  const decode = (ids: ArrayLike<number>) => Array.from(ids).join(' ');
  const tokenizer: Pick<Tokenizer, 'encode' | 'encodePrompt' | 'decode' | 'growingText' | 'isSpecial'> = {
    encode,
    encodePrompt: encode,
    isSpecial: () => false,
    decode,
    growingText: () => dividedText({ decode, divides: () => true }),
  };
  return tokenizer as Tokenizer;
}
