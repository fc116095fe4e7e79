/** Text from a model, or of any width, made safe for one line of a terminal. */
import { isAbsolute, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import sliceAnsi from 'slice-ansi';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

export { bytes, count, duration, number, parameters, percent } from '../format.js';

/** Nothing longer is looked at: a completion may be megabytes. */
const LOOKED_AT = 2000;

/**
 * Control characters (which could move the cursor or change its colours), line ends,
 * direction marks and characters of no width become visible escapes.
 */
export function visible(text: string): string {
  return text.slice(0, LOOKED_AT).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, (char) => {
    if (char === '\n') return '\\n';
    if (char === '\t') return '\\t';
    if (char === '\r') return '\\r';
    const code = char.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** As `visible`, with a mark for each space, so that those at an end can be seen. */
export const visibleSpaces = (text: string): string => visible(text).replaceAll(' ', '·');

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** At most `width` columns, with an ellipsis where something is left out. */
export function fit(text: string, width: number): string {
  if (text.length <= LOOKED_AT && stringWidth(text) <= width) return text;
  let taken = '';
  let columns = 0;
  for (const { segment } of graphemes.segment(text.slice(0, LOOKED_AT))) {
    const wide = stringWidth(segment);
    // A heap of combining marks is one grapheme of one column, but no terminal draws it as such.
    if (segment.length > 16) continue;
    if (columns + wide > width - 1) break;
    taken += segment;
    columns += wide;
  }
  return `${taken}…`;
}

/** As many of the parts as fit, in their order; the first one always, cut if need be. */
export function fitting(parts: string[], separator: string, width: number): string {
  const between = stringWidth(separator);
  let line = '';
  let used = 0;
  for (const part of parts.filter(Boolean)) {
    const wide = stringWidth(part);
    if (line === '') {
      line = wide > width ? fit(stripVTControlCharacters(part), width) : part;
      used = Math.min(wide, width);
    } else if (used + between + wide <= width) {
      line += separator + part;
      used += between + wide;
    }
  }
  return line;
}

/** What stands before the text of a line: the mark of a point in a list, or a name and the blanks behind it. */
const HEAD = /^ *(?:- |\S+(?: \S+)* {2,})?/;
/** To be copied, so it stays in one piece. */
const COMMAND = /grpo-native \w+ --/;

/** Lines wider than `width` are broken between words, and go on where their text began. */
export function wrapped(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => {
      if (stringWidth(line) <= width || COMMAND.test(line)) return line;
      const head = HEAD.exec(stripVTControlCharacters(line))![0].length;
      const indent = head <= width / 2 ? head : 0;
      const rest = wrapAnsi(sliceAnsi(line, indent), width - indent);
      return sliceAnsi(line, 0, indent) + rest.replaceAll('\n', `\n${' '.repeat(indent)}`);
    })
    .join('\n');
}

/** As one would type it here. */
export function shortPath(path: string): string {
  const here = relative(process.cwd(), path);
  return here === '' || here.startsWith('..') || isAbsolute(here) ? path : here;
}
