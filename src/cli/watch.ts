/** `watch`: the page of a run, served while it goes on. */
import { WATCH } from './options.js';
import { GrpoError } from '../common/errors.js';
import { interruptible } from './interrupt.js';
import { listCommand } from './list-command.js';
import { printJsonLine } from './output.js';

export const command = listCommand({
  name: 'watch',
  form: 'RUN',
  describe: 'Serve the page of a run to this machine while it goes on; nothing can be changed through it',
  schema: WATCH,
  extra: { json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' } },
  examples: [
    ['grpo-native watch runs/tiny-arithmetic', 'At http://127.0.0.1:7788/, until Ctrl-C'],
    [
      'ssh -L 7788:127.0.0.1:7788 me@machine grpo-native watch runs/qwen',
      'On a remote machine: then open http://127.0.0.1:7788/ here',
    ],
    [
      'grpo-native watch runs/qwen --host 0.0.0.0 --allowed-host gpu.example.com',
      'For others, who know the machine by a name',
    ],
  ],
  run: async ({ host, port, allowed_host: allowedHost }, runs, argv) => {
    if (runs.length !== 1)
      throw new GrpoError('USAGE', runs.length === 0 ? 'say which run to watch' : 'one run at a time', {
        fix: 'the form is: grpo-native watch RUN, with a folder such as runs/NAME; report compares several',
        value: runs,
      });
    const { serveRun } = await import('../ui/server/serve.js');
    const server = await serveRun(runs[0]!, { host, port, allowedHosts: [allowedHost].flat() });
    if (argv.json === true) printJsonLine({ url: server.url });
    else process.stdout.write(`${server.url}\n`);
    await interruptible(
      () => undefined,
      (signal) =>
        new Promise<void>((done) => {
          // A timer keeps the process alive, since there may be no open connection that would.
          const alive = setInterval(() => undefined, 1 << 30);
          signal.addEventListener('abort', () => {
            clearInterval(alive);
            done();
          });
        }),
    );
    await server.close();
  },
});
