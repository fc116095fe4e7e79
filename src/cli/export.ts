/** `export`: a model in the format of other tools. */
import { GrpoError } from '../common/errors.js';
import { bytes } from '../common/format.js';
import { interruptible, sayStopping } from './interrupt.js';
import { listCommand } from './list-command.js';
import { EXPORT } from './options.js';
import { downloadBar, printJsonLine, progressLine, toStandardError } from './output.js';
import { refuseWords } from './schema-command.js';

const FORM = 'RUN|MODEL';

export const command = listCommand({
  name: 'export',
  form: FORM,
  describe: 'Write a model as one GGUF file, which llama.cpp and the tools around it run',
  schema: EXPORT,
  extra: { json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' } },
  examples: [
    ['grpo-native export runs/qwen', 'Writes qwen-F16.gguf here, from the final weights of the run'],
    [
      'grpo-native export runs/qwen/checkpoint-100 --dtype q8_0 --output qwen-100.gguf',
      'A checkpoint, at half the size',
    ],
  ],
  run: async ({ dtype, output }, [model, ...more], argv) => {
    refuseWords(more, `export ${FORM}`);
    if (model === undefined)
      throw new GrpoError('USAGE', 'say which model to export', {
        fix: `the form is: grpo-native export ${FORM}, with a folder such as runs/NAME`,
      });
    const { exportGguf } = await import('../model/gguf/export.js');
    const download = downloadBar();
    const progress = progressLine('writing');
    const exported = await interruptible(sayStopping, (signal) =>
      exportGguf({
        model,
        dtype,
        output,
        onProgress: download.onProgress,
        onNotice: toStandardError,
        onWritten: (written, total) => {
          download.end();
          progress.update(written, total);
        },
        signal,
      }).finally(() => {
        download.end();
        progress.end();
      }),
    );
    if (argv.json === true) printJsonLine(exported);
    else process.stdout.write(`${exported.file}  ${bytes(exported.bytes)}\n`);
  },
});
