/** A command that takes words and options: `compare RUN RUN --accuracy 0.6`. */
import type { z } from 'zod';
import { fromFlags, yargsOptions } from './flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../config/load.js';
import type { Help } from './flag-list.js';
import { wordsOf, type SchemaCommandModule } from './schema-command.js';

interface ListCommand<S extends z.ZodRawShape> extends Pick<Help, 'describe' | 'extra' | 'examples'> {
  name: string;
  /** Names of the positional arguments, for the help. */
  form: string;
  schema: z.ZodObject<S>;
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
    // Positional arguments are read from `_` and not declared: yargs would take a declared one for the value of a
    // flag before it, and would not accept `-`.
    command: name,
    describe: command.describe,
    builder: (yargs) => yargs.strict(false).options(options()) as never,
    handler: async (argv) => {
      refuseUnknownFlags(argv, Object.keys(options()));
      const given = fromFlags(schema, argv);
      await command.run(resolveConfig(schema, [flagSource(given)]), wordsOf(argv), argv);
    },
    help: () => ({
      form: `${name} ${command.form}`,
      describe: command.describe,
      schemas: [schema],
      extra,
      examples: command.examples,
    }),
  };
}
