/**
 * The command line. Each command's code is loaded only when it is called, so that `--help` is fast
 * and needs no libtorch.
 */
import { inspect } from 'node:util';
import colors from 'picocolors';
import { GrpoError } from '../common/errors.js';
import { packageVersion } from '../machine/paths.js';
import { asCalled } from './as-called.js';
import { COMMANDS, loadCommand } from './commands.js';
import { guardProcess } from './guard.js';
import { helpRequest } from './help-request.js';
import { INTERRUPTED, isAbort, leave } from './interrupt.js';
import { kebabFlags } from '../config/names.js';
import { nearest } from '../common/nearest.js';

async function main(all: string[]): Promise<void> {
  const { help, rest: args } = helpRequest(all);
  const name = args.find((arg) => !arg.startsWith('-'));
  const width = Math.min(110, process.stdout.columns || 100);
  if (name === undefined) {
    if (args.includes('--version')) process.stdout.write(`${packageVersion()}\n`);
    else if (help) process.stdout.write(overview());
    else throw usage(args.length === 0 ? 'say what to do' : `${args[0]} comes after a command`, undefined);
    return;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) throw unknownCommand(name);
  const command = await loadCommand(entry);
  if (help) {
    const { helpText } = await import('./help.js');
    process.stdout.write(helpText(command.help(), help, width));
    return;
  }

  const { default: yargs } = await import('yargs');
  await yargs(args)
    .scriptName('grpo-native')
    .locale('en')
    .version(packageVersion())
    // Positional arguments stay strings: a folder may be called 0.10.
    .parserConfiguration({ 'parse-positional-numbers': false })
    .alias('h', 'help')
    .wrap(width)
    .strict()
    .command(command)
    .fail((message, error: Error | undefined) => {
      throw error === undefined || error.name === 'YError' ? usage(message, name) : error;
    })
    .parseAsync();
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(
    ([name, { describe }]) => `  ${colors.cyan(name.padEnd(12))} ${describe}`,
  );
  return `${colors.bold('grpo-native <command> [options]')}

Teaches small language models with GRPO, without Python.

${colors.bold('Commands:')}
${rows.join('\n')}

${colors.bold('Examples:')}
  grpo-native setup           ${colors.dim('once: finds or fetches libtorch, builds the engine')}
  grpo-native train           ${colors.dim('GRPO on arithmetic, with the embedded tiny model')}
  grpo-native train --help    ${colors.dim('what a command can do')}
`;
}

function unknownCommand(name: string): GrpoError {
  const names = Object.keys(COMMANDS);
  const close = nearest(name, names);
  return new GrpoError('UNKNOWN_COMMAND', `there is no command ${JSON.stringify(name)}`, {
    fix: close ? `did you mean: grpo-native ${close}` : `the commands are ${names.join(', ')}`,
    value: name,
  });
}

/** yargs' message if an option has no value, or is followed by what looks like another option. */
const NO_VALUE = /^Not enough arguments following: (\S+)$/;

function usage(message: string, command: string | undefined): GrpoError {
  const option = NO_VALUE.exec(message)?.[1];
  if (option !== undefined)
    return new GrpoError('USAGE', `--${option} has no value`, {
      fix: `write --${option}=VALUE, which also takes a value that begins with a dash`,
      value: `--${option}`,
    });
  const help = ['grpo-native', command, '--help'].filter(Boolean).join(' ');
  return new GrpoError('USAGE', message, { fix: `see ${help}` });
}

async function report(error: unknown): Promise<number> {
  if (isAbort(error)) return INTERRUPTED;
  if (error instanceof GrpoError) {
    // A message may quote a file from elsewhere: its control characters must not reach the terminal.
    const { visible } = await import('../ui/terminal/text.js');
    const message = error.message.split('\n').map(visible).join('\n');
    process.stderr.write(`error ${error.code}: ${message}\nfix: ${asCalled(error.fix)}\n`);
    if (process.env.GRPO_NATIVE_DEBUG) process.stderr.write(`${inspect(error)}\n`);
    return error.exitCode;
  }
  process.stderr.write(`error UNEXPECTED: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.stderr.write(
    'fix: this is a fault of grpo-native; please report it with the lines above and what grpo-native doctor --json says\n',
  );
  return 1;
}

// A reader that closes the pipe early (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

guardProcess((error) => void report(error).then((code) => process.exit(code)));

try {
  await main(kebabFlags(process.argv.slice(2)));
  leave(false);
} catch (error) {
  process.exitCode = await report(error);
  leave(true);
}
