#!/usr/bin/env node
/**
 * The command line. A command's code is loaded when it is called and not before, so that
 * `--help` is quick and needs no libtorch.
 */
import type { CommandModule } from 'yargs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { GrpoError } from '../errors.js';
import { packageVersion } from '../paths.js';
import { nearest } from './nearest.js';
import { INTERRUPTED, isAbort } from './interrupt.js';

interface Entry {
  describe: string;
  load: () => Promise<{ command: CommandModule<object, never> }>;
}

const COMMANDS: Record<string, Entry> = {
  setup: {
    describe: 'Find or fetch libtorch and build the native engine',
    load: () => load(import('./setup.js')),
  },
  doctor: {
    describe: 'Say what is installed, what is wrong, and how to mend it',
    load: () => load(import('./doctor.js')),
  },
  train: { describe: 'Teach a model a task with GRPO', load: () => load(import('./train.js')) },
  sft: { describe: 'Teach a model a task with the right answers', load: () => load(import('./sft.js')) },
  eval: { describe: 'Measure how often a model is right', load: () => load(import('./eval.js')) },
  generate: { describe: 'Sample completions of a prompt', load: () => load(import('./generate.js')) },
  score: { describe: 'Log-probabilities of given completions', load: () => load(import('./score.js')) },
};

/** Each command has option types of its own; here they are all alike. */
async function load(module: Promise<{ command: unknown }>) {
  return { command: (await module).command as CommandModule<object, never> };
}

async function main(args: string[]): Promise<void> {
  const name = args.find((arg) => !arg.startsWith('-'));
  const entry = name === undefined ? undefined : Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (name !== undefined && !entry) throw unknownCommand(name);

  const cli = yargs(args)
    .scriptName('grpo-native')
    .locale('en')
    .version(packageVersion())
    .alias('h', 'help')
    .wrap(Math.min(110, process.stdout.columns || 100))
    .strict()
    .fail((message, error: Error | undefined) => {
      throw error ?? usage(message, name);
    });
  if (entry) cli.command((await entry.load()).command);
  else {
    for (const [command, { describe }] of Object.entries(COMMANDS)) cli.command(command, describe);
    cli
      .usage('$0 <command> [options]\n\nTeaches small language models with GRPO, without Python.')
      .example('$0 setup', 'Once: finds or fetches libtorch, builds the engine')
      .example('$0 train', 'GRPO on arithmetic with the embedded tiny model')
      .example('$0 train --help', 'What a command can do')
      .demandCommand(1, 'say what to do');
  }
  await cli.parseAsync();
}

function unknownCommand(name: string): GrpoError {
  const names = Object.keys(COMMANDS);
  const close = nearest(name, names);
  return new GrpoError('UNKNOWN_COMMAND', `there is no command ${JSON.stringify(name)}`, {
    fix: close ? `did you mean: grpo-native ${close}` : `the commands are ${names.join(', ')}`,
    value: name,
  });
}

function usage(message: string, command: string | undefined): GrpoError {
  const help = ['grpo-native', command, '--help'].filter(Boolean).join(' ');
  return new GrpoError('USAGE', message, { fix: `see ${help}` });
}

function report(error: unknown): number {
  if (isAbort(error)) return INTERRUPTED;
  if (error instanceof GrpoError) {
    process.stderr.write(`error ${error.code}: ${error.message}\nfix: ${error.fix}\n`);
    if (process.env.GRPO_NATIVE_DEBUG) process.stderr.write(`${error.stack}\n`);
    return error.exitCode;
  }
  process.stderr.write(`error UNEXPECTED: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.stderr.write('fix: this is a fault of grpo-native; please report it with the lines above\n');
  return 1;
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await main(hideBin(process.argv));
} catch (error) {
  process.exitCode = report(error);
}
