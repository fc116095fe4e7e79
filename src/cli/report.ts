/** `report`: a page that shows a run, or compares several. */
import { join } from 'node:path';
import { REPORT } from './options.js';
import { GrpoError } from '../common/errors.js';
import { REPORT_FILE } from '../ui/server/types.js';
import { listCommand } from './list-command.js';
import { printJsonLine, toStandardError } from './output.js';

export const command = listCommand({
  name: 'report',
  form: 'RUN [RUN ...]',
  describe: 'Write one HTML file that shows a run, or compares several; it opens without a network',
  schema: REPORT,
  extra: { json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' } },
  examples: [
    ['grpo-native report runs/tiny-arithmetic', 'Writes report.html into the run folder'],
    ['grpo-native report runs/a runs/b --output compared.html', 'Two runs on one page'],
  ],
  run: async ({ output }, runs, argv) => {
    if (runs.length === 0)
      throw new GrpoError('USAGE', 'say which run to show', {
        fix: 'the form is: grpo-native report RUN [RUN ...], with folders such as runs/NAME',
      });
    const { readRuns } = await import('../run/folder/read.js');
    const { writeReport } = await import('../ui/server/report.js');
    const found = (await readRuns(runs, toStandardError)).map(({ folder }) => folder);
    const file = output ?? (found.length === 1 ? join(found[0]!, REPORT_FILE) : 'comparison.html');
    const bytes = await writeReport(file, found);
    if (argv.json === true) printJsonLine({ file, bytes, runs: found });
    else process.stdout.write(`${file}\n`);
  },
});
