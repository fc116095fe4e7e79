/** Makes text from a model, or of any width, safe to print in a line of a terminal. */
import { isAbsolute, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import sliceAnsi from 'slice-ansi';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Characters beyond this are ignored: a completion may be megabytes. */
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

/** Like `visible`, with a mark for each space, so that leading and trailing ones can be seen. */
export const visibleSpaces = (text: string): string => visible(text).replaceAll(' ', '·');

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Cuts text to `width` columns, with an ellipsis if something was cut. */
export function fit(text: string, width: number): string {
  if (text.length <= LOOKED_AT && stringWidth(text) <= width) return text;
  let taken = '';
  let columns = 0;
  for (const { segment } of graphemes.segment(text.slice(0, LOOKED_AT))) {
    const wide = stringWidth(segment);
    // Many combining marks count as a single grapheme of one column, but no terminal draws them so.
    if (segment.length > 16) continue;
    if (columns + wide > width - 1) break;
    taken += segment;
    columns += wide;
  }
  return `${taken}…`;
}

/** Joins as many parts as fit, in their order. The first is always included, cut if necessary. */
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

/** The head of a line, before its text: a list bullet, or a name and the spaces after it. */
const HEAD = /^ *(?:- |\S+(?: \S+)* {2,})?/;
/** A command that users copy, which must not be wrapped. */
const COMMAND = /grpo-native \w+ --/;

/** Wraps lines between words; continued lines are indented to where the text began. */
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

/** The path relative to the working directory, if it is inside it. */
export function shortPath(path: string): string {
  const here = relative(process.cwd(), path);
  return here === '' || here.startsWith('..') || isAbsolute(here) ? path : here;
}
