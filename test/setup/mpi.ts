/** Tests of several processes need MPI, both Open MPI and MPICH: their wheels are fetched into the cache, once. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writableCacheDir } from '../../src/machine/paths.js';
import { MPI_FOLDERS, MPIS } from '../support/mpi.js';

export default async function setup(): Promise<void> {
  const venv = join(writableCacheDir(), 'test-mpi');
  for (const name of MPIS) {
    // Both have a program of that name.
    const own = join(venv, name);
    const mpicxx = join(own, 'bin', 'mpicxx');
    if (!existsSync(mpicxx)) {
      must('python3', '-m', 'venv', own);
      must(join(own, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', '--no-deps', name);
    }
    process.env.GRPO_NATIVE_MPI = MPI_FOLDERS[name];
    const { buildMpi } = await import('../../src/engine/ranks/build.js');
    buildMpi(mpicxx);
  }
  delete process.env.GRPO_NATIVE_MPI;
}

function must(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
