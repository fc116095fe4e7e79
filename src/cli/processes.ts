/** `--processes N`: the same command in N processes that MPI starts. */
import { spawn } from 'node:child_process';
import { GrpoError } from '../common/errors.js';
import { mpiBuild } from '../engine/ranks/build.js';
import { launch } from '../engine/ranks/launch.js';
import { launched } from '../engine/ranks/launched.js';

/** @throws {GrpoError} BAD_OPTION, BAD_COMBINATION, MPI_MISSING */
export async function startProcesses(processes: unknown): Promise<void> {
  if (!Number.isInteger(processes) || (processes as number) < 1)
    throw new GrpoError('BAD_OPTION', '--processes must be a whole number from 1 on', {
      fix: 'give the number of processes, such as --processes 2',
      value: processes,
    });
  if (launched().size > 1)
    throw new GrpoError('BAD_COMBINATION', 'these processes were started by MPI already', {
      fix: 'leave --processes out',
      value: processes,
    });
  const build = mpiBuild();
  if (!build)
    throw new GrpoError('MPI_MISSING', 'several processes need MPI, which was not set up', {
      fix: 'run once: npx grpo-native setup --mpi',
      value: processes,
    });
  const { program, args, env } = launch(build, processes as number, [
    process.argv[1]!,
    ...withoutProcesses(process.argv.slice(2)),
  ]);
  const child = spawn(program, args, { env, stdio: 'inherit' });
  // A terminal tells the launcher by itself; whoever stops this process alone does not.
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, forward);
  process.on('SIGINT', () => undefined);
  process.exitCode = await new Promise<number>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => done(code ?? 1));
  });
}

/** The words of a command line but for `--processes N`. */
export function withoutProcesses(words: readonly string[]): string[] {
  const at = words.findIndex((word) => word === '--processes' || word.startsWith('--processes='));
  if (at < 0) return [...words];
  return words.toSpliced(at, words[at] === '--processes' ? 2 : 1);
}
