/** `compare`: runs side by side. */
import { stringify } from 'csv-stringify/sync';
import { COMPARE } from './options.js';
import { GrpoError } from '../common/errors.js';
import { writeAtomic } from '../machine/disk.js';
import { listCommand } from './list-command.js';
import { toStandardError } from './output.js';

export const command = listCommand({
  name: 'compare',
  form: 'RUN RUN ...',
  describe: 'Put runs side by side: reward, held-out accuracy, what was learned by heart, time',
  schema: COMPARE,
  extra: {
    csv: { type: 'boolean', default: false, describe: 'Print CSV alone on standard output' },
    json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' },
  },
  examples: [
    ['grpo-native compare runs/*', 'All runs of a folder'],
    [
      'grpo-native compare runs/tiny-arithmetic-baseline runs/tiny-arithmetic-no-kl --svg curves.svg',
      'With a picture of their curves',
    ],
    ['grpo-native compare runs/* --accuracy 0.6 --csv > runs.csv', 'For a spreadsheet'],
  ],
  run: async ({ accuracy, svg }, runs, argv) => {
    if (runs.length === 0)
      throw new GrpoError('USAGE', 'say which runs to compare', {
        fix: 'the form is: grpo-native compare RUN RUN ..., with folders such as runs/NAME',
      });
    const { readRuns } = await import('../run/folder/read.js');
    const { compareRun, differences } = await import('../experiments/compare/compare.js');
    const records = (await readRuns(runs, toStandardError)).map(({ record }) => record);
    const compared = records.map((record) => compareRun(record, accuracy));
    if (svg !== null) {
      const { curvesSvg } = await import('../ui/svg-chart.js');
      await writeAtomic(svg, curvesSvg(records));
      process.stderr.write(`curves in ${svg}\n`);
    }
    if (argv.json === true)
      process.stdout.write(`${JSON.stringify({ runs: compared, differences: differences(records) })}\n`);
    else if (argv.csv === true) process.stdout.write(stringify(compared, { header: true, cast: CAST }));
    else {
      const width = process.stdout.columns || Infinity;
      const { comparisonTable, differencesText } = await import('../ui/terminal/compare.js');
      process.stdout.write(
        `${comparisonTable(compared, accuracy, width)}\n${differencesText(compared, differences(records), width)}\n`,
      );
    }
  },
});

const CAST = { boolean: (value: boolean) => String(value) };
