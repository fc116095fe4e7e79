/** What `train` and `sft` share: options from flags and a file, the display, the page, Ctrl-C, the ending. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { readYaml, toYaml, type Defaults } from '../config/load.js';
import { camelKeys } from '../config/names.js';
import { FIRST, WATCH } from './options.js';
import { GrpoError } from '../common/errors.js';
import { launched } from '../engine/ranks/launched.js';
import { isAgreed } from '../engine/ranks/ranks.js';
import type { TrainSummary } from '../run/events.js';
import type { TrainExtras } from '../run/extras.js';
import { expandHome } from '../machine/paths.js';
import type { PageServer } from '../ui/server/serve.js';
import { REPORT_FILE } from '../ui/server/types.js';
import { snakeDeep } from '../run/folder/names.js';
import { INTERRUPTED, interruptible } from './interrupt.js';
import { surviveLostTerminal } from './lost-terminal.js';
import { downloadBar } from './output.js';
import { startProcesses } from './processes.js';
import { schemaCommand, type SchemaCommandModule } from './schema-command.js';
import { UnhurriedOutput } from './unhurried.js';

/** The options of a run that its display reads. */
interface RunOptions {
  numCompletionsToPrint: number;
  completionsSteps: number | null;
}

interface RunCommand {
  name: 'train' | 'sft';
  describe: string;
  schema: z.ZodObject;
  tinyDefaults: Record<string, unknown>;
  /** All defaults that depend on what is given. */
  unlessGiven: Defaults;
  examples: [string, string][];
  start: (options: RunOptions, extras: TrainExtras) => Promise<TrainSummary>;
}

/** Flags of commands that start a run. */
export const RUN_FLAGS = {
  json: {
    type: 'boolean',
    default: false,
    describe: 'Print a JSON line an event, alone on standard output',
  },
  quiet: {
    type: 'boolean',
    default: false,
    describe: 'Print errors alone (with --json: and the JSON lines)',
  },
  page: {
    type: 'boolean',
    default: false,
    describe: 'Serve the page of the run to this machine while it goes on',
  },
  'take-over': {
    type: 'boolean',
    default: false,
    describe: 'Say that the process that has the run folder, on another machine, runs no more',
  },
  processes: {
    type: 'number',
    default: 1,
    describe: 'Processes of this machine that train together, by MPI (setup --mpi)',
    requiresArg: true,
  },
  'print-config': {
    type: 'boolean',
    default: false,
    describe: 'Print the resolved options as YAML and stop',
  },
} as const;

export function runCommand({ start, ...command }: RunCommand): SchemaCommandModule {
  return schemaCommand({
    ...command,
    takesConfig: true,
    first: FIRST,
    extra: RUN_FLAGS,
    sources: (flags, file) => {
      if (file !== undefined) return [readYaml(file)];
      // A resumed run takes up its own options.
      const own =
        typeof flags.output_dir === 'string' ? join(expandHome(flags.output_dir), 'config.yaml') : undefined;
      return flags.resume !== undefined && flags.resume !== false && own !== undefined && existsSync(own)
        ? [readYaml(own)]
        : [];
    },
    run: (config, argv) => runOrPrint(start, config, argv),
  });
}

/** Starts the run, or prints its options where `--print-config` asks for that. */
export async function runOrPrint(
  start: RunCommand['start'],
  config: Record<string, unknown>,
  argv: Record<string, unknown>,
): Promise<void> {
  if (argv.printConfig === true) process.stdout.write(toYaml(config));
  else if (argv.processes !== 1) await startProcesses(argv.processes);
  else await run(start, camelKeys(config) as unknown as RunOptions, argv);
}

async function run(
  start: RunCommand['start'],
  options: RunOptions,
  argv: Record<string, unknown>,
): Promise<void> {
  const { openDisplay } = await import('../ui/terminal/display.js');
  surviveLostTerminal();
  // Of several processes that train together, the first one tells.
  const silent = launched().rank > 0;
  const json = argv.json === true && !silent;
  const results = new UnhurriedOutput(process.stdout, (lines) =>
    json
      ? `${JSON.stringify({ event: 'left_out', lines })}\n`
      : `(${lines} lines are left out: nobody read them)\n`,
  );
  const messages = new UnhurriedOutput(
    process.stderr,
    (lines) => `(${lines} lines are left out: nobody read them)\n`,
  );
  const display = openDisplay({
    out: json ? messages : results,
    quiet: argv.quiet === true || silent,
    rows: options.numCompletionsToPrint,
    every: options.completionsSteps,
  });
  // A reader that goes away (`| head`) ends other commands, but not hours of training.
  for (const stream of [process.stdout, process.stderr])
    stream.removeAllListeners('error').on('error', display.off);
  const download = downloadBar();
  const notice = display.callbacks.onNotice;
  let page: PageServer | undefined;
  const event = (name: string, value: object) => {
    if (json) results.write(`${JSON.stringify({ event: name, ...(snakeDeep(value) as object) })}\n`);
  };
  const extras: TrainExtras = {
    ...display.callbacks,
    takeOver: argv.takeOver === true,
    onPlan: async (plan) => {
      download.end();
      display.callbacks.onPlan(plan);
      event('plan', plan);
      if (argv.page !== true || plan.outputDir === undefined) return;
      page = await servePage(plan.outputDir, notice);
      if (page) event('page', { url: page.url });
    },
    onForecast: (forecast) => {
      display.callbacks.onForecast(forecast);
      event('forecast', forecast);
    },
    onStep: (metrics) => {
      display.callbacks.onStep(metrics);
      event('step', metrics);
    },
    onEvaluate: (step, evaluation) => {
      display.callbacks.onEvaluate(step, evaluation);
      event('evaluation', { step, ...evaluation });
    },
    onValidate: (step, evaluation) => {
      display.callbacks.onValidate(step, evaluation);
      event('validation', { step, ...evaluation });
    },
    onDiagnosis: ({ event: what, ...diagnosis }) => {
      display.callbacks.onDiagnosis({ event: what, ...diagnosis });
      event('diagnosis', { ...diagnosis, change: what });
    },
    ...(argv.quiet !== true && !silent && { onDownload: download.onProgress }),
  };
  try {
    const note = 'Stopping after the token at hand, and saving. Ctrl-C again leaves at once, without saving.';
    const summary = await interruptible(
      () => {
        if (!silent) notice(note);
      },
      (signal) => start(options, { ...extras, signal }),
    );
    await writeReport(summary.outputDir, notice);
    display.end(summary);
    event('end', summary);
    if (summary.interrupted) process.exitCode = INTERRUPTED;
  } catch (error) {
    if (!silent || !isAgreed(error)) throw error;
    process.exitCode = error instanceof GrpoError ? error.exitCode : 1;
  } finally {
    download.end();
    display.close();
    await page?.close();
    const taken = await Promise.all([results, messages].map((output) => output.drained(PATIENCE)));
    // Node would wait for the reader for ever. What is still to be said has been by then.
    if (taken.includes(false)) setTimeout(() => process.exit(), 500).unref();
  }
}

/** Where the usual port is taken, as by another run's page, any that is free. A run goes on without its page. */
async function servePage(folder: string, notice: (text: string) => void): Promise<PageServer | undefined> {
  const { serveRun } = await import('../ui/server/serve.js');
  const { host, port } = WATCH.parse({});
  try {
    const server = await serveRun(folder, { host, port }).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'PORT_TAKEN') throw error;
      return serveRun(folder, { host, port: 0 });
    });
    notice(`the page of this run: ${server.url}`);
    return server;
  } catch (error) {
    notice(`no page, the run goes on: ${(error as Error).message}`);
    return undefined;
  }
}

/** `report.html`. A run that went well doesn't end badly because of it. */
async function writeReport(folder: string | undefined, notice: (text: string) => void): Promise<void> {
  if (folder === undefined) return;
  try {
    const { writeReport: write } = await import('../ui/server/report.js');
    await write(join(folder, REPORT_FILE), [folder]);
  } catch (error) {
    notice(`no ${REPORT_FILE}: ${(error as Error).message}`);
  }
}

/** Milliseconds that a run that has ended waits for a reader who takes nothing. */
const PATIENCE = 5000;
