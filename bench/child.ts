/** The process that measures one job and exits: its own process, so that the peak memory is that of the case alone. */
import { GrpoError } from '../src/common/errors.js';
import type { Job, Message } from './job.js';

const send = (message: Message) =>
  new Promise<void>((done, fail) =>
    process.send!(message, (error: Error | null) => (error ? fail(error) : done())),
  );

async function answer(job: Job): Promise<Message> {
  if (job.kind === 'limits') {
    const { loadAddon } = await import('../src/engine/addon.js');
    const { engineThreads } = await import('../src/machine/processor.js');
    const threads = engineThreads(job.threads);
    return { type: 'limits', limits: loadAddon().machineLimits({ device: 'cpu', threads }) };
  }
  const { runCase } = await import('./measure.js');
  const run = await runCase(job, (done, total) => void send({ type: 'progress', done, total }));
  return { type: 'case', run };
}

function failure(error: unknown): Message {
  if (error instanceof GrpoError) {
    const { code, message, fix, exitCode } = error;
    return { type: 'error', code, message, fix, exitCode };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const fix = 'this is a fault of grpo-native; please report it with the lines above';
  return { type: 'error', code: 'UNEXPECTED', message, fix, exitCode: 1 };
}

process.once('message', (job: Job) => {
  void answer(job)
    .catch(failure)
    .then(send)
    .then(() => process.disconnect());
});
// The runner has gone: exit.
process.once('disconnect', () => process.exit());
