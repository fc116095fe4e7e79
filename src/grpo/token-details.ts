/** Ids, log-probs and text lengths of a completion's tokens, in the compact form that `completions.jsonl` keeps. */
import type { Tokenizer } from '../model/tokenizer.js';
import type { Rollout } from './rollout.js';

type Decoder = Pick<Tokenizer, 'decode'>;

/** Tokens of a completion, in short. */
export interface TokenDetails {
  /** `[tokens]` id of each. */
  ids: number[];
  /** `[tokens]` log-probability of each, nats, at the sampling temperature, to two decimals. */
  logps: number[];
  /**
   * `[tokens]` characters (UTF-16 code units) of the completion that each makes up. Absent where that can't be
   * told.
   */
  tokens?: number[];
}

/** The details of each completion of a rollout. */
export function tokenDetails(
  { batch, completions, oldLogps }: Pick<Rollout, 'batch' | 'completions' | 'oldLogps'>,
  tokenizer: Decoder,
): TokenDetails[] {
  const known = new Map<string, number[] | undefined>();
  let offset = 0;
  return completions.map(({ text, length }, i) => {
    const ids = batch.completions[i]!;
    const key = ids.join();
    if (!known.has(key)) known.set(key, tokenLengths(ids, text, tokenizer));
    const tokens = known.get(key);
    const logps = Array.from(oldLogps.subarray(offset, (offset += length)), twoDecimals);
    return { ids: [...ids], logps, ...(tokens && { tokens }) };
  });
}

const twoDecimals = (value: number): number => Math.round(100 * value) / 100 || 0;

/**
 * How many characters of `text` each token adds. A token that ends inside a character adds none; the one that
 * completes it adds it. Undefined where the parts don't add up to the text.
 */
export function tokenLengths(ids: ArrayLike<number>, text: string, tokenizer: Decoder): number[] | undefined {
  const all = Array.from(ids);
  const lengths: number[] = [];
  // A token is decoded together with the one before: some tokenizers drop a space at the beginning.
  let from = 0;
  let counted = 0;
  for (let i = 0; i < all.length; i++) {
    const part = tokenizer.decode(all.slice(from, i + 1));
    const whole = part.replace(/\uFFFD+$/, '').length;
    lengths.push(Math.max(0, whole - counted));
    counted = Math.max(counted, whole);
    if (part.endsWith('\uFFFD')) continue;
    from = i;
    counted = tokenizer.decode([all[i]!]).length;
  }
  const rest = text.length - lengths.reduce((sum, length) => sum + length, 0);
  // Bytes that never became a character stand at the end of the text.
  if (rest > 0 && /^\uFFFD+$/.test(text.slice(-rest)) && lengths.length > 0)
    lengths[lengths.length - 1]! += rest;
  else if (rest !== 0) return undefined;
  return lengths;
}
