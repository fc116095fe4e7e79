/**
 * Help of the commands with many options. yargs could print it, but what it measures and wraps
 * text with takes longer to load than everything else a `--help` needs.
 */
import colors from 'picocolors';
import type { Options } from 'yargs';

export interface Help {
  usage: string;
  describe: string;
  options: Record<string, Options>;
  examples: [string, string][];
}

/** @param width columns of the terminal */
export function helpText({ usage, describe, options, examples }: Help, width: number): string {
  const all: Record<string, Options> = {
    ...options,
    help: { describe: 'Show this', type: 'boolean' },
  };
  const groups = new Map<string, [string, Options][]>();
  for (const entry of Object.entries(all)) {
    const name = entry[1].group ?? 'Output:';
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  const column = Math.max(...Object.keys(all).map((name) => name.length)) + 6;
  const lines = [colors.bold(usage), '', describe];
  for (const [name, entries] of groups) {
    lines.push('', colors.bold(name));
    for (const [option, { describe, description, defaultDescription }] of entries) {
      const standard = defaultDescription === undefined ? '' : ` [${defaultDescription}]`;
      const text = wrap(`${describe || description || ''}${standard}`, Math.max(30, width - column));
      lines.push(`  ${colors.cyan(`--${option}`)}${' '.repeat(column - option.length - 4)}${text[0] ?? ''}`);
      for (const more of text.slice(1)) lines.push(' '.repeat(column) + more);
    }
  }
  lines.push('', colors.bold('Examples:'));
  for (const [line, what] of examples) lines.push(`  ${line}`, `      ${colors.dim(what)}`);
  return `${lines.join('\n')}\n`;
}

/** Lines of at most `width` characters; the texts are our own, each character one column. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
