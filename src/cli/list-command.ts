/** A command that takes words and options: `compare RUN RUN --accuracy 0.6`. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { fromFlags, yargsOptions } from './flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../config/load.js';
import { helpText } from './help.js';
import { wordsOf, type SchemaCommandModule } from './schema-command.js';

interface ListCommand<S extends z.ZodRawShape> {
  name: string;
  /** What the words are, for the help. */
  form: string;
  describe: string;
  schema: z.ZodObject<S>;
  /** Beside the schema's. */
  extra: Record<string, Options>;
  examples: [string, string][];
  run: (
    options: z.output<z.ZodObject<S>>,
    words: string[],
    argv: Record<string, unknown>,
  ) => void | Promise<void>;
}

export function listCommand<S extends z.ZodRawShape>(command: ListCommand<S>): SchemaCommandModule {
  const { name, schema, extra } = command;
  const options = () => ({ ...yargsOptions(schema), ...extra });
  return {
    // Its words are read off `_`: yargs takes one that it is told of for a flag's value, and - for none.
    command: name,
    describe: command.describe,
    builder: (yargs) => yargs.strict(false).options(options()) as never,
    handler: async (argv) => {
      refuseUnknownFlags(argv, Object.keys(options()));
      const given = fromFlags(schema, argv);
      await command.run(resolveConfig(schema, [flagSource(given)]), wordsOf(argv), argv);
    },
    help: (width) =>
      helpText(
        {
          usage: `grpo-native ${name} ${command.form} [options]`,
          describe: command.describe,
          options: options(),
          examples: command.examples,
        },
        width,
      ),
  };
}
