/** A command whose options are declared by a schema: flags, help and resolved options follow from it. */
import type { Argv, CommandModule, Options } from 'yargs';
import type { z } from 'zod';
import { fromFlags, yargsOptions } from './flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig, type Source } from '../config/load.js';
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
  /** The command whose options these are; its own by default. */
  optionsOf?: string;
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

export function schemaCommand<S extends z.ZodRawShape>(command: SchemaCommand<S>): SchemaCommandModule {
  const { name, describe, schema, extra } = command;
  const positional = command.takesConfig ? ' [config.yaml]' : '';
  const options = () => ({ ...yargsOptions(schema, command.defaults), ...extra });
  return {
    command: `${name}${command.takesConfig ? ' [config]' : ''}`,
    describe,
    // What is unknown is refused below, with the name that was meant.
    builder: (yargs: Argv<object>) => yargs.strict(false).options(options()) as unknown as Argv<Arguments>,
    handler: async (argv) => {
      const { _: words, config: file } = argv as { _?: unknown[]; config?: string };
      refuseUnknownFlags(schema, argv, ['config', 'help', 'h', 'version', ...Object.keys(extra)]);
      if (words && words.length > 1)
        throw new GrpoError('USAGE', `${JSON.stringify(words[1])} is one argument too many`, {
          fix: `the form is: grpo-native ${name}${positional} [--option value ...]`,
          value: words[1],
        });
      const flags = fromFlags(schema, argv);
      const others = command.sources?.(flags, file) ?? [];
      await command.run(
        resolveConfig(command.optionsOf ?? name, schema, [flagSource(flags), ...others]),
        argv,
      );
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
