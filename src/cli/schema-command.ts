/** A command whose options are declared by a schema: flags, help and resolved options follow from it. */
import type { Argv, CommandModule, Options } from 'yargs';
import type { z } from 'zod';
import { fromFlags, yargsOptions } from './flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig, type Defaults, type Source } from '../config/load.js';
import { GrpoError } from '../common/errors.js';
import { helpText } from './help.js';

export type Arguments = Record<string, unknown> & { json: boolean };

/** What the command line asks of such a command. */
export interface SchemaCommandModule extends CommandModule<object, Arguments> {
  /** @param width columns of the terminal */
  help: (width: number) => string;
}

interface SchemaCommand<S extends z.ZodRawShape> {
  name: string;
  describe: string;
  schema: z.ZodObject<S>;
  /** Defaults that depend on what is given. */
  unlessGiven?: Defaults;
  /** Defaults of the embedded model, for the help. */
  defaults?: Record<string, unknown>;
  /** Whether it takes a YAML file of options. */
  takesConfig?: boolean;
  /** Beside the schema's. */
  extra: Record<string, Options>;
  examples: [string, string][];
  /** Where options come from beside the flags, by those and the file that was named. */
  sources?: (flags: Record<string, unknown>, config: string | undefined) => Source[];
  run: (config: z.output<z.ZodObject<S>>, argv: Arguments) => void | Promise<void>;
}

/** As TRL has it: the same file as the argument. */
const CONFIG_FLAG: Record<string, Options> = {
  config: { type: 'string', requiresArg: true, describe: 'The YAML file of options, by a flag' },
};

/** What was given beside options, as it was written; yargs puts the command's name first. */
export const wordsOf = (argv: Record<string, unknown>): string[] =>
  (argv._ as unknown[]).slice(1).map(String);

/** @param form of the command, without its options */
export function refuseWords([word]: string[], form: string): void {
  if (word === undefined) return;
  throw new GrpoError('USAGE', `${JSON.stringify(word)} is one argument too many`, {
    fix: `the form is: grpo-native ${form} [--option value ...]`,
    value: word,
  });
}

export function schemaCommand<S extends z.ZodRawShape>(command: SchemaCommand<S>): SchemaCommandModule {
  const { name, describe, schema, extra } = command;
  const positional = command.takesConfig ? ' [config.yaml]' : '';
  const others = { ...extra, ...(command.takesConfig && CONFIG_FLAG) };
  const options = () => ({ ...yargsOptions(schema, command.defaults), ...others });
  return {
    command: name,
    describe,
    // What is unknown is refused below, with the name that was meant.
    builder: (yargs: Argv<object>) => yargs.strict(false).options(options()) as unknown as Argv<Arguments>,
    handler: async (argv) => {
      refuseUnknownFlags(argv, Object.keys(options()));
      const words = [
        ...wordsOf(argv),
        ...(command.takesConfig ? [argv.config ?? []].flat() : []),
      ] as string[];
      refuseWords(words.slice(command.takesConfig ? 1 : 0), `${name}${positional}`);
      const flags = fromFlags(schema, argv);
      const sources = command.sources?.(flags, words[0]) ?? [];
      await command.run(resolveConfig(schema, [flagSource(flags), ...sources], command.unlessGiven), argv);
    },
    help: (width) =>
      helpText(
        {
          usage: `grpo-native ${name}${positional} [options]`,
          describe,
          options: options(),
          examples: command.examples,
        },
        width,
      ),
  };
}
