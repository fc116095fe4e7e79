/** `merge`: an adapter and its model as one model. */
import { GrpoError } from '../common/errors.js';
import { replaceFolder } from '../machine/disk.js';
import { exists } from '../machine/files.js';
import { listCommand } from './list-command.js';
import { MERGE } from './options.js';
import { printJsonLine } from './output.js';
import { refuseWords } from './schema-command.js';
import { withModel } from './with-model.js';

const FORM = 'RUN|ADAPTER';

export const command = listCommand({
  name: 'merge',
  form: FORM,
  describe: 'Write a model with its adapter (LoRA) in its weights, for tools that know no adapters',
  schema: MERGE,
  extra: { json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' } },
  examples: [
    ['grpo-native merge runs/qwen --output-dir qwen-merged', 'Of a run with --use-peft'],
    [
      'grpo-native merge ./adapter --model Qwen/Qwen2.5-0.5B --output-dir merged',
      'An adapter that PEFT wrote, for a model that is named',
    ],
  ],
  run: async (
    { model, output_dir: outputDir, max_memory: maxMemory, ...machine },
    [adapter, ...more],
    argv,
  ) => {
    refuseWords(more, `merge ${FORM}`);
    if (adapter === undefined)
      throw new GrpoError('USAGE', 'say which adapter to merge', {
        fix: `the form is: grpo-native merge ${FORM} --output-dir DIR, with a folder such as runs/NAME`,
      });
    if (await exists(outputDir))
      throw new GrpoError('MERGE_EXISTS', `${outputDir} is there already`, {
        fix: 'give --output-dir a folder that is not there yet',
        value: outputDir,
      });
    const named = model === null ? { model: adapter, adapter: null } : { model, adapter };
    await withModel({ ...machine, ...named, maxMemory, dtype: 'float32' }, (loaded) => {
      if (!loaded.lora)
        throw new GrpoError('ADAPTER_INVALID', `${adapter} is no adapter, but a whole model`, {
          fix: 'use it as it is',
          value: adapter,
        });
      return replaceFolder(outputDir, (folder) => loaded.saveMerged(folder));
    });
    if (argv.json === true) printJsonLine({ folder: outputDir });
    else process.stdout.write(`${outputDir}\n`);
  },
});
