/** A command that takes words and options: `compare RUN RUN --accuracy 0.6`. */
import type { Options } from 'yargs';
import type { z } from 'zod';
import { fromFlags, yargsOptions } from './flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../config/load.js';
import { helpText } from './help.js';
import type { SchemaCommandModule } from './schema-command.js';

interface ListCommand<S extends z.ZodRawShape> {
  name: string;
  /** What the words are, as yargs has them. */
  words: string;
  /** The same, for the help. */
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
  const { name, words, schema, extra } = command;
  const options = () => ({ ...yargsOptions(schema), ...extra });
  return {
    command: `${name} [${words}..]`,
    describe: command.describe,
    builder: (yargs) => yargs.strict(false).options(options()) as never,
    handler: async (argv) => {
      refuseUnknownFlags(schema, argv, [words, 'help', 'h', 'version', ...Object.keys(extra)]);
      const given = fromFlags(schema, argv);
      const list = (argv[words] as unknown[] | undefined) ?? [];
      await command.run(resolveConfig(name, schema, [flagSource(given)]), list.map(String), argv);
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
