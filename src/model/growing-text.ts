/**
 * The text of a completion that grows token by token. Each token costs the same, however long the text is, and gives
 * exactly the text of decoding all tokens at once: a character whose bytes are not all there is U+FFFD.
 */

/** The text of some tokens; it doesn't change. */
export interface GrowingText {
  readonly text: string;
  /** The text with one more token. */
  with: (id: number) => GrowingText;
}

/** How a decoder's text is divided. */
export interface Division {
  /** The text of tokens at once. */
  decode: (ids: number[]) => string;
  /**
   * Whether the text of all tokens is that of the tokens up to this one and what follows it, as long as this token
   * stands before them in decoding; never: all tokens are decoded each time.
   */
  divides: (id: number) => boolean;
}

/**
 * The text of no token, for decoders that are not byte-level: what follows the last token that divides is decoded,
 * behind that token, since decoders treat the first token of a text in another way.
 */
export function dividedText(division: Division): GrowingText {
  const { decode, divides } = division;
  /**
   * @param before text up to the last token that divides
   * @param ids that token, and those after it
   * @param skipped characters of that token's own text
   */
  const growing = (text: string, before: string, ids: number[], skipped: number): GrowingText => ({
    text,
    with: (id) => {
      const all = [...ids, id];
      const longer = before + decode(all).slice(skipped);
      return divides(id)
        ? growing(longer, longer, [id], decode([id]).length)
        : growing(longer, before, all, skipped);
    },
  });
  return growing('', '', [], 0);
}

/** Steps of a decoder that look at one token at a time, or at the bytes of one character. */
const LOCAL = ['Replace', 'ByteFallback', 'Metaspace', 'Strip'];

/**
 * Whether a decoder (of `tokenizer.json`) takes tokens one by one, but for bytes and the beginning of the text, as
 * those of SentencePiece do.
 */
export function isLocal(decoder: unknown): boolean {
  const { type, decoders } = (decoder ?? {}) as { type?: unknown; decoders?: unknown };
  const steps = (type === 'Sequence' && Array.isArray(decoders) ? decoders : [decoder]) as (Record<
    string,
    unknown
  > | null)[];
  const fuse = steps.findIndex((step) => step?.type === 'Fuse');
  // After the tokens were put together, a step looks at the whole text: at its first character alone, or not at all.
  const together = fuse < 0 ? [] : steps.slice(fuse + 1);
  return (
    (fuse < 0 ? steps : steps.slice(0, fuse)).every((step) => LOCAL.includes(step?.type as string)) &&
    together.every((step) => step?.type === 'Strip' && Number(step.start ?? 0) <= 1 && !step.stop)
  );
}
