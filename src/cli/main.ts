/**
 * The command line. A command's code is loaded when it is called and not before, so that
 * `--help` is quick and needs no libtorch.
 */
import { inspect } from 'node:util';
import colors from 'picocolors';
import type { CommandModule } from 'yargs';
import { GrpoError } from '../common/errors.js';
import { packageVersion } from '../machine/paths.js';
import { guardProcess } from './guard.js';
import { INTERRUPTED, isAbort, leave } from './interrupt.js';
import { kebabFlags } from '../config/names.js';
import { nearest } from '../common/nearest.js';

/** A command's module; those with many options print their help themselves. */
interface Command extends CommandModule<object, never> {
  help?: (width: number) => string;
}

interface Entry {
  describe: string;
  load: () => Promise<unknown>;
}

const COMMANDS: Record<string, Entry> = {
  setup: { describe: 'Find or fetch libtorch and build the native engine', load: () => import('./setup.js') },
  doctor: { describe: 'Check what training needs, and say what mends it', load: () => import('./doctor.js') },
  train: { describe: 'Teach a model a task with GRPO', load: () => import('./train.js') },
  plan: {
    describe: 'Say what a training run will take, and whether it can learn',
    load: () => import('./plan.js'),
  },
  sft: { describe: 'Teach a model the right answers of a task', load: () => import('./sft.js') },
  eval: { describe: 'Measure how often a model is right', load: () => import('./eval.js') },
  generate: { describe: 'Sample completions of a prompt', load: () => import('./generate.js') },
  score: { describe: 'Log-probabilities of given completions', load: () => import('./score.js') },
  'check-reward': {
    describe: 'Show what a reward makes of right, wrong and hostile completions',
    load: () => import('./check-reward.js'),
  },
  presets: { describe: "List the journal's experiments", load: () => import('./presets.js') },
  sweep: { describe: 'Run several trainings, from a list or a grid', load: () => import('./sweep.js') },
  compare: { describe: 'Put runs side by side', load: () => import('./compare.js') },
  report: { describe: 'Write a page that shows or compares runs', load: () => import('./report.js') },
  watch: { describe: 'Serve the page of a run while it goes on', load: () => import('./watch.js') },
  bench: {
    describe: "Measure tokens a second, beside the machine's limits",
    load: () => import('./bench.js'),
  },
};

async function main(args: string[]): Promise<void> {
  const name = args.find((arg) => !arg.startsWith('-'));
  const wantsHelp = args.includes('--help') || args.includes('-h');
  const width = Math.min(110, process.stdout.columns || 100);
  if (name === undefined) {
    if (args.includes('--version')) process.stdout.write(`${packageVersion()}\n`);
    else if (wantsHelp) process.stdout.write(overview());
    else throw usage(args.length === 0 ? 'say what to do' : `${args[0]} comes after a command`, undefined);
    return;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) throw unknownCommand(name);
  const { command } = (await entry.load()) as { command: Command };
  if (wantsHelp && command.help) {
    process.stdout.write(command.help(width));
    return;
  }

  const { default: yargs } = await import('yargs');
  await yargs(args)
    .scriptName('grpo-native')
    .locale('en')
    .version(packageVersion())
    // What stands in no option is a text: a folder may be called 0.10.
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

/** As yargs says it, where nothing stands behind an option, or what looks like another one. */
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
    // A message may repeat what a stranger's file says: nothing in it moves the cursor.
    const { visible } = await import('../ui/terminal/text.js');
    const message = error.message.split('\n').map(visible).join('\n');
    process.stderr.write(`error ${error.code}: ${message}\nfix: ${error.fix}\n`);
    if (process.env.GRPO_NATIVE_DEBUG) process.stderr.write(`${inspect(error)}\n`);
    return error.exitCode;
  }
  process.stderr.write(`error UNEXPECTED: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.stderr.write(
    'fix: this is a fault of grpo-native; please report it with the lines above and what grpo-native doctor --json says\n',
  );
  return 1;
}

// A reader that has seen enough (`| head`) is no error.
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
