/** `setup --mpi`: the object that calls MPI, built and tried with two ranks. */
import { join } from 'node:path';
import { GrpoError } from '../common/errors.js';
import { buildMpi } from '../engine/ranks/build.js';
import { fetchMpi } from '../engine/ranks/fetch.js';
import { launch } from '../engine/ranks/launch.js';
import { run, which } from '../machine/exec.js';
import { expandHome, packageRoot } from '../machine/paths.js';

interface Options {
  /** Its compiler; empty: that on the PATH, else it is fetched. */
  mpi: string;
  fetch?: boolean | undefined;
  json: boolean;
}

/**
 * @param say prints a line for a person
 * @throws {GrpoError} MPI_MISSING, BUILD_FAILED, MPI_BROKEN
 */
export async function setupMpi({ mpi, fetch, json }: Options, say: (line: string) => void): Promise<void> {
  let mpicxx = mpi === '' ? (which('mpicxx') ?? undefined) : expandHome(mpi);
  if (mpicxx === undefined && fetch !== false) {
    say('There is no mpicxx on the PATH: fetching Open MPI (7 MB)');
    mpicxx = await fetchMpi();
  }
  const build = buildMpi(mpicxx);
  const { program, args, env } = launch(build, 2, [join(packageRoot(), 'dist', 'ranks-trial.js')]);
  const trial = run(program, args, { env, timeoutMs: 60_000 });
  const found = trial.ok ? (JSON.parse(trial.stdout) as { numbers?: number[]; library?: string }) : {};
  if (found.numbers?.join() !== '0,1')
    throw new GrpoError('MPI_BROKEN', `two ranks do not find each other:\n${trial.stderr.trim()}`, {
      fix: `try it by hand: ${[program, ...args].join(' ')}`,
      value: build.mpicxx,
      exitCode: 1,
    });
  say(`MPI works: ${found.library}, by ${build.mpicxx}`);
  if (json) process.stdout.write(`${JSON.stringify({ ...build, library: found.library }, null, 2)}\n`);
}
