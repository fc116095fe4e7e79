/**
 * What a user's module may do to the process that its run is in: throw where nobody waits, end the process, write
 * among results. A program that uses the library has none of this: there the process is the program's.
 */
import { join } from 'node:path';
import { GrpoError, reasonOf } from '../common/errors.js';
import { packageRoot } from '../machine/paths.js';
import { moduleOf } from '../machine/user-module.js';
import { endWith } from './interrupt.js';

/** @param last where no run is there to save: says the error, and ends the process */
export function guardProcess(last: (error: GrpoError) => void): void {
  process.on('uncaughtException', (thrown: unknown) => {
    const error = thrown instanceof GrpoError ? thrown : stray(thrown);
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
      `${module} called process.exit(${code ?? ''})${placeOf(here)}: a run ends when it is done`,
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
  // Standard output has results alone. (console.log writes here too.)
  stdout.write = (...args: unknown[]) =>
    moduleOf() === undefined ? write(...args) : (stderr.write as typeof write).apply(stderr, args);
}

/** What was thrown in a timer or an event, or the reason of a promise that nobody awaited. */
function stray(thrown: unknown): GrpoError {
  const module = moduleOf(thrown);
  const what = `${reasonOf(thrown)}${placeOf(thrown)}`;
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

/** ` (FILE:LINE:COLUMN)`, of code that is neither Node's nor ours. */
function placeOf(thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const ours = ['dist', 'src'].map((folder) => `${join(packageRoot(), folder)}/`);
  for (const line of stack.split('\n')) {
    const place = /^\s+at (?:.*\()?(?:file:\/\/)?(\/[^()]*:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place !== undefined && !ours.some((folder) => place.startsWith(folder))) return ` (${place})`;
  }
  return '';
}
