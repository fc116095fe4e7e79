/** What `train` and `sft` share: options from flags and a file, the display, Ctrl-C, the ending. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { readYaml, toYaml } from '../config/load.js';
import { camelKeys } from '../config/names.js';
import type { TrainSummary } from '../grpo/events.js';
import type { TrainExtras } from '../grpo/prepare.js';
import { snakeDeep } from '../run/names.js';
import { INTERRUPTED, interruptible } from './interrupt.js';
import { downloadBar, printJsonLine } from './output.js';
import { schemaCommand, type SchemaCommandModule } from './schema-command.js';

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

export function runCommand({ start, ...command }: RunCommand): SchemaCommandModule {
  return schemaCommand({
    ...command,
    takesConfig: true,
    extra: {
      json: {
        type: 'boolean',
        default: false,
        describe: 'Print a JSON line an event, alone on standard output',
      },
      'print-config': {
        type: 'boolean',
        default: false,
        describe: 'Print the resolved options as YAML and stop',
      },
    },
    sources: (flags, file) => {
      if (file !== undefined) return [readYaml(file)];
      // A resumed run takes up its own options.
      const own = typeof flags.output_dir === 'string' ? join(flags.output_dir, 'config.yaml') : undefined;
      return flags.resume !== undefined && flags.resume !== false && own !== undefined && existsSync(own)
        ? [readYaml(own)]
        : [];
    },
    run: async (config, argv) => {
      if (argv.printConfig === true) process.stdout.write(toYaml(config));
      else await run(start, camelKeys(config) as unknown as RunOptions, argv.json);
    },
  });
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
    const note = 'Stopping after the token at hand, and saving. Ctrl-C again leaves at once, without saving.';
    const summary = await interruptible(
      () => report.onNotice(note),
      (signal) => start(options, { ...extras, signal }),
    );
    report.end(summary);
    event('end', summary);
    if (summary.interrupted) process.exitCode = INTERRUPTED;
  } finally {
    download.end();
    report.close();
  }
}
