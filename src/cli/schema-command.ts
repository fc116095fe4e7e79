/** A command whose options are declared by a schema: flags, help and resolved options follow from it. */
import type { Argv, CommandModule, Options } from 'yargs';
import type { z } from 'zod';
import { fromFlags, yargsOptions } from './flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig, type Defaults, type Source } from '../config/load.js';
import { GrpoError } from '../common/errors.js';
import type { Help, Helpful } from './flag-list.js';

export type Arguments = Record<string, unknown> & { json: boolean };

/** What the command line asks of such a command. */
export type SchemaCommandModule = CommandModule<object, Arguments> & Helpful;

interface SchemaCommand<S extends z.ZodRawShape> extends Pick<
  Help,
  'describe' | 'tinyDefaults' | 'extra' | 'first' | 'examples'
> {
  name: string;
  schema: z.ZodObject<S>;
  /** Defaults that depend on what is given. */
  unlessGiven?: Defaults;
  /** Whether it takes a YAML file of options. */
  takesConfig?: boolean;
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
  const form = command.takesConfig ? `${name} [config.yaml]` : name;
  const others = { ...extra, ...(command.takesConfig && CONFIG_FLAG) };
  const options = () => ({ ...yargsOptions(schema), ...others });
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
      refuseWords(words.slice(command.takesConfig ? 1 : 0), form);
      const flags = fromFlags(schema, argv);
      const sources = command.sources?.(flags, words[0]) ?? [];
      await command.run(resolveConfig(schema, [flagSource(flags), ...sources], command.unlessGiven), argv);
    },
    help: () => ({
      form,
      describe,
      schemas: [schema],
      tinyDefaults: command.tinyDefaults,
      extra: others,
      first: command.first,
      examples: command.examples,
    }),
  };
}
