/** docs/cli.md, made from what each command tells of itself and from the declarations of its options. */
import { format, resolveConfig } from 'prettier';
import { join } from 'node:path';
import { COMMANDS, loadCommand } from '../src/cli/commands.js';
import { declaredFlags, extraFlags, grouped, type Flag, type Help } from '../src/cli/flag-list.js';
import { packageRoot } from '../src/machine/paths.js';

export const REFERENCE_FILE = join(packageRoot(), 'docs', 'cli.md');

const OPENING = `# Command line

<!-- Made by \`npm run docs:cli\` from the options as they are declared: change those, not this file. -->

An option of several words is \`--batch-size\` or \`--batch_size\` as a flag, \`batch_size\` in a YAML file and \`batchSize\` in TypeScript. What takes a list takes a flag for each item; \`--no-probe\` is \`--probe=false\`, and \`null\` is written as it is. Flags go before the YAML file, the file before a preset, a preset before the defaults. "tiny" is the default with the embedded model.

A fault is told on standard error in two lines, \`error CODE: what\` and \`fix: what to do\`. Exit status: 0 when all went well, 1 when something failed, 2 when what was given can't be used, 130 after an interruption.
`;

/** As prettier would have it. */
export async function cliReference(): Promise<string> {
  const commands: [name: string, help: Help][] = [];
  for (const [name, entry] of Object.entries(COMMANDS))
    commands.push([name, (await loadCommand(entry)).help()]);
  return format(referenceText(commands), {
    ...(await resolveConfig(REFERENCE_FILE)),
    filepath: REFERENCE_FILE,
  });
}

/** Options that two commands share as a whole are described with the first of them. */
export function referenceText(commands: [name: string, help: Help][]): string {
  const described = new Map<Help['schemas'][number], string>();
  const contents = commands.map(([name]) => `[${name}](#${name})`).join(', ');
  const sections = commands.map(([name, help]) => {
    const elsewhere = help.schemas.flatMap((schema) => described.get(schema) ?? []);
    const own = help.schemas.filter((schema) => !described.has(schema));
    for (const schema of own) described.set(schema, name);
    const flags = [
      ...own.flatMap((schema) => declaredFlags(schema, help.tinyDefaults)),
      ...extraFlags(help.extra),
    ];
    return [
      `## ${name}`,
      fence(`grpo-native ${help.form} [options]`),
      sentence(help.describe),
      ...elsewhere.map((other) => `It takes the options of [${other}](#${other}), and these:`),
      ...[...grouped(flags)].flatMap(([group, members]) => [`**${group}**`, table(members)]),
      'Examples:',
      fence(help.examples.map(([line, what]) => `# ${what}\n${line}`).join('\n\n')),
    ].join('\n\n');
  });
  return [OPENING, contents, ...sections].join('\n\n');
}

const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`);

const fence = (text: string): string => `\`\`\`sh\n${text}\n\`\`\``;

function table(flags: Flag[]): string {
  const rows = flags.map(({ name, alias, description, allowed, default: standard, tinyDefault }) => [
    [`--${name}`, ...(alias === undefined ? [] : [`-${alias}`])].map(code).join(', '),
    plain(description),
    allowed === undefined ? '' : plain(allowed),
    [
      ...(standard === undefined ? [] : [code(standard)]),
      ...(tinyDefault === undefined ? [] : [`tiny: ${code(tinyDefault)}`]),
    ].join('; ') || (allowed === undefined ? 'not given' : 'none'),
  ]);
  return [['option', 'what it is', 'allowed', 'default'], Array<string>(4).fill('---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** Text that Markdown shows as it is. */
const plain = (text: string): string => text.replace(/[\\|*<[\]]/g, '\\$&');
