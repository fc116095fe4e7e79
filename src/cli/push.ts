/** `push`: a run's model to the hub, with a page that says what it is. */
import { basename, join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { interruptible, sayStopping } from './interrupt.js';
import { listCommand } from './list-command.js';
import { PUSH } from './options.js';
import { printJsonLine, toStandardError } from './output.js';
import { refuseWords } from './schema-command.js';

const FORM = 'RUN user/name';

export const command = listCommand({
  name: 'push',
  form: FORM,
  describe: "Upload a run's model to the hub, with a model card: accuracy, curves, the command that makes it",
  schema: PUSH,
  extra: {
    json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' },
  },
  examples: [
    [
      'grpo-native push runs/qwen me/qwen-arithmetic --dry-run',
      'Writes runs/qwen/hub, to be looked at first',
    ],
    [
      'grpo-native push runs/qwen me/qwen-arithmetic --private',
      'Uploads it, with the token of hf auth login',
    ],
  ],
  run: async (options, [run, id, ...more], argv) => {
    refuseWords(more, `push ${FORM}`);
    if (run === undefined || id === undefined)
      throw new GrpoError('USAGE', `say ${run === undefined ? 'which run to push' : 'where to push it'}`, {
        fix: `the form is: grpo-native push ${FORM}, such as push runs/qwen me/qwen-arithmetic`,
      });
    const { checkName, checkPush, pushFiles } = await import('../hub/push.js');
    if (options.dry_run) checkName(id);
    else await checkPush(id);
    const { writeHubFolder } = await import('../ui/hub-folder.js');
    const { folder, files } = await writeHubFolder(run, id, toStandardError);
    if (options.dry_run) {
      report(argv, { folder, files }, folder);
      return;
    }
    toStandardError(`uploading ${files.length} files to ${id}`);
    const url = await interruptible(sayStopping, (signal) =>
      pushFiles(
        files.map((path) => ({ path, file: join(folder, path) })),
        { id, isPrivate: options.private, title: `${basename(run)} of grpo-native`, signal },
      ),
    );
    report(argv, { url, folder, files }, url);
  },
});

function report(argv: Record<string, unknown>, result: object, line: string): void {
  if (argv.json === true) printJsonLine(result);
  else process.stdout.write(`${line}\n`);
}
