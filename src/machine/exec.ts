/** Runs other programs. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Result {
  /** The program ran and ended with status 0. */
  ok: boolean;
  /** Null where it was ended by a signal, or did not start. */
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  timeoutMs?: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** Runs a program and returns its output. Does not throw where the program is missing or fails: `ok` is false then. */
export function run(program: string, args: string[], options: RunOptions = {}): Result {
  const { timeoutMs = 30_000, ...rest } = options;
  const child = spawnSync(program, args, {
    ...rest,
    encoding: 'utf8',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return {
    ok: child.status === 0,
    status: child.status,
    signal: child.signal,
    // undefined if the program did not start.
    stdout: child.error ? '' : child.stdout,
    stderr: child.error ? child.error.message : child.stderr,
  };
}

/** The path of a program on the PATH, or null. */
export function which(program: string): string | null {
  if (program.includes('/')) return isExecutable(program) ? program : null;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, program);
    if (folder !== '' && isExecutable(file)) return file;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
