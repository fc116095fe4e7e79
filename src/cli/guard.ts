/**
 * Protects a run from the user's module in the same process: from errors thrown in timers, events or unawaited
 * promises, from calls of process.exit, and from writes to standard output. Only the command line does this; a
 * program that uses the library handles its process itself.
 */
import { join } from 'node:path';
import { GrpoError, reasonOf } from '../common/errors.js';
import { packageRoot } from '../machine/paths.js';
import { moduleOf } from '../machine/user-module.js';
import { endWith } from './interrupt.js';

/** @param last called with the error if no run is active that could save a checkpoint; prints it and exits */
export function guardProcess(last: (error: GrpoError) => void): void {
  process.on('uncaughtException', (thrown: unknown) => {
    const error = thrown instanceof GrpoError ? thrown : uncaughtError(thrown);
    if (!endWith(error)) last(error);
  });

  const exit = process.exit.bind(process);
  process.exit = (...given) => {
    const [code] = given;
    const here = new Error('process.exit');
    const module = moduleOf(here);
    if (module === undefined) return exit(...given); // no status is another thing than an undefined one
    const error = new GrpoError(
      'MODULE_EXITED',
      `${module} called process.exit(${code ?? ''})${locationOf(here)}: a run ends when it is done`,
      {
        fix: 'throw an error in place of it, or take it out; train --resume goes on',
        value: code,
        exitCode: 1,
      },
    );
    endWith(error);
    throw error;
  };

  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout) as (...args: unknown[]) => boolean;
  // Standard output is for results only. (console.log writes to it too.)
  stdout.write = (...args: unknown[]) =>
    moduleOf() === undefined ? write(...args) : (stderr.write as typeof write).apply(stderr, args);
}

/** The error for an exception thrown in a timer or event, or an unhandled rejection. */
function uncaughtError(thrown: unknown): GrpoError {
  const module = moduleOf(thrown);
  const what = `${reasonOf(thrown)}${locationOf(thrown)}`;
  if (module === undefined)
    return new GrpoError('UNCAUGHT', `an error that nothing waited for: ${what}`, {
      fix: 'train --resume goes on; where no module of yours is at fault, please report it, with the stack that GRPO_NATIVE_DEBUG=1 prints',
      cause: thrown,
      exitCode: 1,
    });
  return new GrpoError(
    'MODULE_CRASHED',
    `${module} threw outside of the call that is waited for (a timer, an event, a promise): ${what}`,
    {
      fix: 'await what the module starts, or catch its errors; train --resume goes on',
      value: module,
      cause: thrown,
      exitCode: 1,
    },
  );
}

/** ` (FILE:LINE:COLUMN)` of the first stack frame in the user's code, or an empty string. */
function locationOf(thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const ours = ['dist', 'src'].map((folder) => `${join(packageRoot(), folder)}/`);
  for (const line of stack.split('\n')) {
    const place = /^\s+at (?:.*\()?(?:file:\/\/)?(\/[^()]*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place !== undefined && !ours.some((folder) => place.startsWith(folder))) return ` (${place})`;
  }
  return '';
}
