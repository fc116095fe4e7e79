/**
 * Help of a command. yargs could print it, but what it measures and wraps text with takes longer to
 * load than everything else a `--help` needs.
 */
import colors from 'picocolors';
import { toKebab } from '../config/names.js';
import { declaredFlags, extraFlags, grouped, type Flag, type Help } from './flag-list.js';
import type { HelpRequest } from './help-request.js';

/** @param width columns of the terminal */
export function helpText(help: Help, request: HelpRequest, width: number): string {
  const { form, describe, schemas, tinyDefaults, extra, examples } = help;
  const first = help.first?.map(toKebab);
  const every: Flag[] = [
    ...schemas.flatMap((schema) => declaredFlags(schema, tinyDefaults)),
    ...extraFlags(extra),
    ...extraFlags({ help: { describe: first ? 'Show this; --help all: every option' : 'Show this' } }),
  ];
  const flags =
    request === 'all'
      ? every
      : every.filter(({ name }) => name === 'help' || (first?.includes(name) ?? true));
  const labels = flags.map(label);
  const column = Math.max(...labels.map(({ length }) => length)) + 4;
  const lines = [colors.bold(`grpo-native ${form} [options]`), '', describe];
  for (const [group, members] of grouped(flags)) {
    lines.push('', colors.bold(`${group}:`));
    for (const flag of members) {
      const text = wrap(sentence(flag), Math.max(30, width - column));
      lines.push(`  ${colors.cyan(label(flag).padEnd(column - 2))}${text[0] ?? ''}`);
      for (const more of text.slice(1)) lines.push(' '.repeat(column) + more);
    }
  }
  lines.push('', colors.bold('Examples:'));
  for (const [line, what] of examples) lines.push(`  ${line}`, `      ${colors.dim(what)}`);
  const hidden = every.length - flags.length;
  if (hidden > 0) {
    const [command] = form.split(' ');
    lines.push('', `${hidden} more options: ${colors.bold(`grpo-native ${command!} --help all`)}`);
  }
  return `${lines.join('\n')}\n`;
}

const label = ({ name, alias }: Flag): string => `--${name}${alias === undefined ? '' : `, -${alias}`}`;

/** What it is for, its choices, and its default where that says something. */
function sentence({ description, choices, default: standard, tinyDefault }: Flag): string {
  const parts = [description];
  if (choices) parts.push(`[${choices.join(', ')}]`);
  if (standard !== undefined && standard !== 'null' && standard !== 'false')
    parts.push(`[${standard}${tinyDefault === undefined ? '' : `; tiny: ${tinyDefault}`}]`);
  return parts.join(' ');
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
