/** `fork`: goes on from a checkpoint of a run with other options, in a run of its own. */
import { fromFlags, yargsOptions } from './flags.js';
import { GrpoError } from '../common/errors.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../config/load.js';
import { FORK_AT, TRAIN } from '../run/options.js';
import { FIRST } from './options.js';
import { RUN_FLAGS, runOrPrint } from './run-command.js';
import { refuseWords, wordsOf, type SchemaCommandModule } from './schema-command.js';

const describe =
  'Go on from a checkpoint of a run with other options, in a run of its own; the run itself is not touched';
const options = () => ({ ...yargsOptions(FORK_AT), ...yargsOptions(TRAIN), ...RUN_FLAGS });

export const command: SchemaCommandModule = {
  command: 'fork',
  describe,
  builder: (yargs) => yargs.strict(false).options(options()),
  handler: async (argv) => {
    refuseUnknownFlags(argv, Object.keys(options()));
    const [run, ...more] = wordsOf(argv);
    refuseWords(more, 'fork RUN');
    if (run === undefined)
      throw new GrpoError('USAGE', 'say which run to fork', {
        fix: 'the form is: grpo-native fork RUN [--at checkpoint-N] [--option value ...]',
      });
    const { at } = resolveConfig(FORK_AT, [flagSource(fromFlags(FORK_AT, argv))]);
    const { forkConfig } = await import('../experiments/fork.js');
    const { train } = await import('../experiments/train.js');
    await runOrPrint(train, await forkConfig({ run, at }, flagSource(fromFlags(TRAIN, argv))), argv);
  },
  help: () => ({
    form: 'fork RUN',
    describe,
    schemas: [TRAIN, FORK_AT],
    extra: RUN_FLAGS,
    first: ['at', ...FIRST.filter((name) => name !== 'preset' && name !== 'resume')],
    examples: [
      [
        'grpo-native fork runs/qwen --at checkpoint-100 --beta 0',
        'From step 100 on without the KL penalty, in runs/qwen-fork-100',
      ],
      [
        'grpo-native fork runs/qwen --at checkpoint-100 --loss-type dapo --run-name dapo',
        'In runs/dapo, which is its name at trackers too',
      ],
      ['grpo-native fork runs/qwen --max-steps 1000', 'From where it ended, for more steps'],
    ],
  }),
};
