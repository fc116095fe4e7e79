/** A table of single-line cells, aligned by the width of characters on a terminal. */
import { stripVTControlCharacters } from 'node:util';
import colors from 'picocolors';
import stringWidth from 'string-width';

export interface Column {
  title: string;
  /** Terminal columns for the text; the caller cuts longer ones. */
  width: number;
  align?: 'left' | 'right';
}

/** `rows` of cells, coloured or not, under the titles. */
export function table(columns: Column[], rows: string[][]): string {
  const rule = (left: string, middle: string, right: string) =>
    colors.dim(left + columns.map(({ width }) => '─'.repeat(width + 2)).join(middle) + right);
  const bar = colors.dim('│');
  const line = (cells: string[]) =>
    bar + columns.map((column, i) => ` ${pad(cells[i] ?? '', column)} `).join(bar) + bar;
  return [
    rule('┌', '┬', '┐'),
    line(columns.map(({ title }) => colors.bold(title))),
    rule('├', '┼', '┤'),
    ...rows.map(line),
    rule('└', '┴', '┘'),
  ].join('\n');
}

function pad(text: string, { width, align }: Column): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(stripVTControlCharacters(text))));
  return align === 'right' ? space + text : text + space;
}
