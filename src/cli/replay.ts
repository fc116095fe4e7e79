/** `replay`: recorded completions of a run under other losses. */
import { stringify } from 'csv-stringify/sync';
import { REPLAY } from './options.js';
import { GrpoError } from '../common/errors.js';
import { LOSS_TYPES } from '../grpo/losses/types.js';
import { toOptions } from '../run/train-options.js';
import { INTERRUPTED, interruptible } from './interrupt.js';
import { listCommand } from './list-command.js';
import { printJsonLine, progressLine, toStandardError } from './output.js';

export const command = listCommand({
  name: 'replay',
  form: 'RUN',
  describe: 'Score the recorded completions of a run under other losses, and compare their gradients',
  schema: REPLAY,
  extra: {
    csv: { type: 'boolean', default: false, describe: 'Print CSV alone on standard output' },
    json: { type: 'boolean', default: false, describe: 'Print a JSON line a step, alone on standard output' },
  },
  examples: [
    ['grpo-native replay runs/qwen --losses grpo,dapo,cispo', 'At the weights that it ended with'],
    [
      'grpo-native replay runs/qwen --at checkpoint-100 --steps 101,102,103 --csv',
      'Steps right after a checkpoint, at its weights',
    ],
  ],
  run: async (config, runs, argv) => {
    if (runs.length !== 1)
      throw new GrpoError('USAGE', runs.length === 0 ? 'say which run to replay' : 'one run at a time', {
        fix: 'the form is: grpo-native replay RUN, with a folder such as runs/NAME',
        value: runs,
      });
    const { losses: named, ...options } = toOptions(config);
    const losses = named === null ? LOSS_TYPES : [...new Set([named].flat())];
    const { replay } = await import('../run/replay.js');
    const { csvRows, jsonLine, replayTable } = await import('../ui/terminal/replay.js');
    const progress = progressLine('replaying');
    const result = await interruptible(
      () => process.stderr.write('\nStopping after the step at hand.\n'),
      (signal) =>
        replay(
          runs[0]!,
          { ...options, losses },
          {
            signal,
            onNotice: toStandardError,
            onProgress: progress.update,
            onStep: (step) => {
              if (argv.json === true) printJsonLine(jsonLine(step));
            },
          },
        ),
    ).finally(progress.end);
    if (argv.csv === true) process.stdout.write(stringify(csvRows(result), { header: true }));
    else if (argv.json !== true)
      process.stdout.write(`${replayTable(result, process.stdout.columns || Infinity)}\n`);
    if (result.interrupted) process.exitCode = INTERRUPTED;
  },
});
