/** What `eval`, `generate` and `score` share: options from flags, a model that is given back at the end. */
import type { Argv } from 'yargs';
import type { z } from 'zod';
import { fromFlags, yargsOptions } from '../config/flags.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../config/load.js';
import { toOptions } from '../config/train-options.js';
import type { LanguageModel } from '../model/language-model.js';
import { interruptible } from './interrupt.js';
import { downloadBar } from './output.js';

export type AskArguments = Record<string, unknown> & { json: boolean };

/** Declares the schema's options and `--json`. */
export function askOptions(
  yargs: Argv<object>,
  schema: z.ZodObject,
  examples: [string, string][],
  json: string,
): Argv<AskArguments> {
  return yargs
    .strict(false)
    .options(yargsOptions(schema))
    .option('json', { type: 'boolean', default: false, describe: json })
    .example(examples);
}

/** The resolved options, as files have them and as programs have them. */
export function askedOptions<S extends z.ZodRawShape>(
  name: string,
  schema: z.ZodObject<S>,
  argv: AskArguments,
) {
  refuseUnknownFlags(schema, argv, ['json', 'help', 'h', 'version']);
  return toOptions(resolveConfig(name, schema, [flagSource(fromFlags(schema, argv))]));
}

export interface MachineOptions {
  model: string;
  device: string;
  dtype: 'float32' | 'bfloat16';
  threads: number;
}

/** Loads the model, calls `work` and frees it, whatever happens. */
export async function withModel<T>(
  options: MachineOptions,
  work: (model: LanguageModel, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { LanguageModel } = await import('../model/language-model.js');
  const download = downloadBar();
  return interruptible('Stopping.', async (signal) => {
    const { model: name, device, dtype, threads } = options;
    const model = await LanguageModel.load({
      model: name,
      device,
      dtype,
      threads,
      onProgress: download.onProgress,
      signal,
    }).finally(download.end);
    try {
      return await work(model, signal);
    } finally {
      await model.dispose();
    }
  });
}
