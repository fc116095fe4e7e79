/** `sweep`: runs one after another, from a list or a grid. */
import { join } from 'node:path';
import { fromFlags, yargsOptions } from './flags.js';
import { flagSource, readYaml, refuseUnknownFlags, resolveConfig } from '../config/load.js';
import { TRAIN } from '../run/options.js';
import { COMPARE } from './options.js';
import { GrpoError } from '../common/errors.js';
import { expandHome } from '../machine/paths.js';
import { INTERRUPTED, interruptible } from './interrupt.js';
import { refuseWords, wordsOf, type SchemaCommandModule } from './schema-command.js';

const describe =
  'Runs of train one after another, from a file or from flags: one that is given several times is a dimension of a grid';
const EXTRA = {
  'take-over': {
    type: 'boolean',
    default: false,
    describe: 'Say that processes that have the run folders, on other machines, run no more',
  },
  'dry-run': { type: 'boolean', default: false, describe: 'List the runs and start none' },
} as const;
/** Options of the comparison that is printed at the end. */
const ENDING = COMPARE.pick({ accuracy: true });
const options = () => ({ ...yargsOptions(TRAIN), ...yargsOptions(ENDING), ...EXTRA });

export const command: SchemaCommandModule = {
  command: 'sweep',
  describe,
  builder: (yargs) => yargs.strict(false).options(options()) as never,
  handler: async (argv) => {
    refuseUnknownFlags(argv, Object.keys(options()));
    const { accuracy } = resolveConfig(ENDING, [flagSource(fromFlags(ENDING, argv))]);
    const { planSweep, sweepOf } = await import('../experiments/sweep/plan.js');
    const { runSweep, stateOf } = await import('../experiments/sweep/run.js');
    const [file, ...more] = wordsOf(argv);
    refuseWords(more, 'sweep [sweep.yaml]');
    const flags = Object.fromEntries(
      Object.entries(valuesOf(argv)).filter(([name]) => name !== 'output_dir' && name !== 'resume'),
    );
    if (file === undefined && Object.keys(flags).length === 0)
      throw new GrpoError('USAGE', 'say which runs', {
        fix: 'give a YAML file with base, runs or grid, or options several times: --preset mixed --seed 1 --seed 2',
      });
    const spec = sweepOf(file === undefined ? undefined : readYaml(file), flags);
    const runs = planSweep(spec);
    const outputDir = expandHome(
      (valuesOf(argv).output_dir?.[0] as string | undefined) ?? spec.outputDir ?? 'runs/sweep',
    );
    if (argv.dryRun === true) {
      for (const { name, options } of runs)
        process.stdout.write(
          `${join(outputDir, name)} (${stateOf(join(outputDir, name))}) ${JSON.stringify(options)}\n`,
        );
      return;
    }
    const failed = await interruptible(
      () => undefined,
      (signal) =>
        runSweep(
          runs,
          outputDir,
          {
            onStart: (run, i, total, state) =>
              process.stdout.write(
                `\n${i + 1} of ${total}: ${run.name}${{ new: '', begun: ', goes on', done: ', done already' }[state]}\n`,
              ),
            onEnd: (run, status) => {
              if (status !== 0) process.stderr.write(`${run.name} ended with ${status}\n`);
            },
          },
          signal,
          argv.takeOver === true,
        ).then((names) => {
          if (signal.aborted) process.exitCode = INTERRUPTED;
          return names;
        }),
    );
    await compareRuns(
      runs.map(({ name }) => join(outputDir, name)),
      accuracy,
    );
    if (failed.length > 0)
      throw new GrpoError(
        'SWEEP_FAILED',
        `${failed.length} of ${runs.length} runs failed: ${failed.join(', ')}`,
        {
          fix: 'see what each printed above; the same command goes on with what is missing',
          value: failed,
          exitCode: 1,
        },
      );
  },
  help: () => ({
    form: 'sweep [sweep.yaml]',
    describe: `${describe}. Runs that are done are not repeated, those that were broken off go on.`,
    schemas: [TRAIN, ENDING],
    extra: EXTRA,
    examples: [
      [
        'grpo-native sweep --model tiny --preset arithmetic-baseline --preset arithmetic-no-kl --seed 1 --seed 2',
        'Four runs',
      ],
      ['grpo-native sweep beta.yaml --output-dir runs/beta', 'Those of a file: base, runs and grid'],
      ['grpo-native sweep beta.yaml --dry-run', 'Only says which'],
    ],
  }),
};

/** Every option that was given, with all values that it was given. */
function valuesOf(argv: Record<string, unknown>): Record<string, unknown[]> {
  const values: Record<string, unknown[]> = {};
  const schema = Object.keys(TRAIN.shape);
  for (const [key, value] of Object.entries(argv)) {
    const list = Array.isArray(value) ? (value as unknown[]) : [value];
    const parsed = list.map((one) => fromFlags(TRAIN, { [key]: one }));
    for (const name of schema)
      if (parsed.some((one) => name in one)) values[name] = parsed.map((one) => one[name]);
  }
  return values;
}

/** Compares the runs that can be read. */
async function compareRuns(folders: string[], accuracy: number): Promise<void> {
  const { readRun } = await import('../run/folder/read.js');
  const { compareRun } = await import('../experiments/compare/compare.js');
  const { comparisonTable } = await import('../ui/terminal/compare.js');
  const read = await Promise.all(folders.map((folder) => readRun(folder).catch(() => undefined)));
  const compared = read.flatMap((record) => (record ? [compareRun(record, accuracy)] : []));
  if (compared.length > 0)
    process.stdout.write(`\n${comparisonTable(compared, accuracy, process.stdout.columns || Infinity)}\n`);
}
