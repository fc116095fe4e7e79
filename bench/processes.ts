/** Runs a job in a process of its own and waits for the result. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { GrpoError } from '../src/common/errors.js';
import type { Job, Message } from './job.js';

/** The child's entry point: a source file in a checkout, beside the bundle when built. */
const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './bench-child.js', import.meta.url),
);

type Answer<K extends Job['kind']> = Extract<Message, { type: K }>;

/**
 * @param what name of what is measured, for messages
 * @throws {GrpoError} the job's error, or CASE_FAILED if its process ended without a result
 */
export function inProcess<K extends Job['kind']>(
  what: string,
  job: Extract<Job, { kind: K }>,
  onProgress?: (done: number, total: number) => void,
): Promise<Answer<K>> {
  // The child's output goes to standard error: standard output is for the results.
  const child = fork(ENTRY, [], { serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'] });
  return new Promise((done, fail) => {
    let answer: Message | undefined;
    child.on('message', (message: Message) => {
      if (message.type === 'progress') onProgress?.(message.done, message.total);
      else answer = message;
    });
    child.on('error', fail);
    child.on('exit', (code, signal) => {
      if (answer?.type === 'error') {
        const { code: name, message, fix, exitCode } = answer;
        fail(new GrpoError(name, message, { fix, exitCode }));
      } else if (answer) done(answer as Answer<K>);
      else
        fail(
          new GrpoError('CASE_FAILED', `the process of ${what} ended by ${signal ?? `status ${code}`}`, {
            fix: 'memory may have run out: try a smaller model, such as --model smollm2-135m',
            value: signal ?? code,
            exitCode: 1,
          }),
        );
    });
    child.send(job);
  });
}
