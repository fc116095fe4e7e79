/** What `train` and `sft` share: options from flags and a file, the display, Ctrl-C, the ending. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { z } from 'zod';
import { fromFlags, yargsOptions } from '../config/flags.js';
import { flagSource, readYaml, refuseUnknownFlags, resolveConfig, type Source } from '../config/load.js';
import { camelKeys } from '../config/names.js';
import { GrpoError } from '../errors.js';
import type { TrainSummary } from '../grpo/events.js';
import type { TrainExtras } from '../grpo/prepare.js';
import { snakeDeep } from '../run/names.js';
import { INTERRUPTED, interruptible } from './interrupt.js';
import { downloadBar, printJsonLine } from './output.js';

export type RunArguments = Record<string, unknown> & { config?: string; json: boolean; printConfig: boolean };

/** Of the options, what is looked at here. */
interface RunOptions {
  numCompletionsToPrint: number;
}

interface RunCommand {
  name: 'train' | 'sft';
  describe: string;
  schema: z.ZodObject;
  /** Defaults of the embedded model, for the help. */
  defaults: Record<string, unknown>;
  examples: [string, string][];
  start: (options: RunOptions, extras: TrainExtras) => Promise<TrainSummary>;
}

export function runCommand({
  name,
  describe,
  schema,
  defaults,
  examples,
  start,
}: RunCommand): CommandModule<object, RunArguments> {
  return {
    command: `${name} [config]`,
    describe,
    builder: (yargs) =>
      yargs
        .strict(false)
        .positional('config', { type: 'string', describe: 'YAML file of options' })
        .options(yargsOptions(schema, defaults))
        .option('json', {
          type: 'boolean',
          default: false,
          describe: 'Print a JSON line an event, and nothing else, on standard output',
        })
        .option('print-config', {
          type: 'boolean',
          default: false,
          describe: 'Print the resolved options as YAML and stop',
        })
        .example(examples) as never,
    handler: async (argv) => {
      refuseUnknownFlags(schema, argv, ['config', 'json', 'print_config', 'help', 'h', 'version']);
      const extra = (argv._ as unknown[])[1];
      if (extra !== undefined)
        throw new GrpoError('USAGE', `${JSON.stringify(extra)} is one argument too many`, {
          fix: `give at most one configuration file: grpo-native ${name} config.yaml`,
        });
      const config = resolveConfig(name, schema, sources(schema, argv));
      if (argv.printConfig) {
        const { toYaml } = await import('../config/load.js');
        process.stdout.write(toYaml(config));
        return;
      }
      await run(start, camelKeys(config) as unknown as RunOptions, argv.json);
    },
  };
}

/** Flags before the file; a resumed run takes up its own options where no file is given. */
function sources(schema: z.ZodObject, argv: RunArguments): Source[] {
  const flags = fromFlags(schema, argv);
  if (argv.config !== undefined) return [flagSource(flags), readYaml(argv.config)];
  const own = typeof flags.output_dir === 'string' ? join(flags.output_dir, 'config.yaml') : undefined;
  if (flags.resume !== true || own === undefined || !existsSync(own)) return [flagSource(flags)];
  return [flagSource(flags), readYaml(own)];
}

async function run(start: RunCommand['start'], options: RunOptions, json: boolean): Promise<void> {
  const { TrainReport } = await import('../report/train-report.js');
  const report = new TrainReport(json ? process.stderr : process.stdout, {
    rows: options.numCompletionsToPrint,
  });
  const download = downloadBar();
  const event = (name: string, value: object) => {
    if (json) printJsonLine({ event: name, ...(snakeDeep(value) as object) });
  };
  const extras: TrainExtras = {
    onPlan: (plan) => {
      download.end();
      report.onPlan(plan);
      event('plan', plan);
    },
    onStep: (metrics) => {
      report.onStep(metrics);
      event('step', metrics);
    },
    onEvaluate: (step, evaluation) => {
      report.onEvaluate(step, evaluation);
      event('evaluation', { step, ...evaluation });
    },
    onCompletions: report.onCompletions,
    onCheckpoint: report.onCheckpoint,
    onPhase: report.onPhase,
    onNotice: report.onNotice,
    onDownload: download.onProgress,
  };
  try {
    const note = 'Stopping after the token at hand, and saving. Again: leave at once, without saving.';
    const summary = await interruptible(note, (signal) => start(options, { ...extras, signal }));
    report.end(summary);
    event('end', summary);
    if (summary.interrupted) process.exitCode = INTERRUPTED;
  } finally {
    download.end();
    report.close();
  }
}
