/**
 * Extracts the answer from a completion, by the research journal's rule. The results are those of Python's
 * `str.strip`, `re` and `str.split`, whose whitespace and digits are Unicode's.
 */

/** Characters for which Python's `str.isspace` holds; JavaScript's `\s` differs in a few. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const LEADING_SPACE = new RegExp(`^[${SPACE}]+`);
const NUMBER = /^-?\p{Nd}+/u;
const TOKEN = new RegExp(`^[^${SPACE}]+`);

export const stripStart = (text: string): string => text.replace(LEADING_SPACE, '');

/** The number that the text starts with, else its first whitespace-separated token, else nothing. */
export function extractAnswer(text: string): string {
  const stripped = stripStart(text);
  return (NUMBER.exec(stripped) ?? TOKEN.exec(stripped))?.[0] ?? '';
}

/** The letters that the first token starts with, in lower case: `Yes.` says yes. */
export function extractWord(text: string): string {
  return /^\p{L}+/u.exec(extractAnswer(text))?.[0].toLowerCase() ?? '';
}
