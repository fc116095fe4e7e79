/** The process that runs parts one after another, as it is told to. It ends after the first that fails by an error. */
import { GrpoError } from '../../src/common/errors.js';
import type { Failure, Order, Report } from './messages.js';
import { Check, NotRun } from './part.js';
import { PARTS } from './parts/index.js';

const send = (report: Report) =>
  new Promise<void>((done, fail) =>
    process.send!(report, (error: Error | null) => (error ? fail(error) : done())),
  );

async function obey({ part: name, device, scale, folder, deadline }: Order): Promise<Report> {
  const part = PARTS.find((one) => one.name === name)!;
  const check = new Check(device, scale, folder, deadline, (figure) => void send({ type: 'figure', figure }));
  try {
    await part.run(check);
    return { type: 'done' };
  } catch (error) {
    if (error instanceof NotRun) return { type: 'done', notRun: error.message };
    process.stderr.write(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
    return { type: 'failed', error: failure(error) };
  }
}

function failure(error: unknown): Failure {
  if (error instanceof GrpoError) {
    const { code, message, fix, exitCode } = error;
    return { code, message, fix, exitCode };
  }
  const message = error instanceof Error ? error.message : String(error);
  const fix = 'this is a fault of grpo-native; please report it with the log';
  return { code: 'UNEXPECTED', message, fix, exitCode: 1 };
}

process.on('message', (order: Order) => {
  void obey(order)
    .then(async (report) => {
      await send(report);
      if (report.type === 'failed') process.disconnect();
    })
    // The runner has gone.
    .catch(() => process.exit(1));
});
process.once('disconnect', () => process.exit());
