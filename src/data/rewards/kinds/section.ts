/** Marked parts of a text: the content of a tag, of `\boxed{}`. */

/** A part of a text. */
export interface Section {
  content: string;
  /** Index where it ends, with its mark. */
  end: number;
}

/**
 * The first whole `<tag>..</tag>` from `from` on: what stands between the first closing tag that has an opening tag
 * before it, and the nearest of these.
 */
export function tagged(text: string, tag: string, from = 0): Section | undefined {
  const [open, close] = [`<${tag}>`, `</${tag}>`];
  const first = text.indexOf(open, from);
  const end = first < 0 ? -1 : text.indexOf(close, first + open.length);
  if (end < 0) return undefined;
  const start = text.lastIndexOf(open, end - open.length) + open.length;
  return { content: text.slice(start, end), end: end + close.length };
}

const BOXED = '\\boxed{';

/** The content of the first `\boxed{}`, to the brace that closes it. */
export function boxed(text: string): Section | undefined {
  const begin = text.indexOf(BOXED);
  if (begin < 0) return undefined;
  const start = begin + BOXED.length;
  for (let i = start, open = 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') open++;
    else if (text[i] === '}' && --open === 0) return { content: text.slice(start, i), end: i + 1 };
  }
  return undefined;
}
