/** How many processes MPI was asked to start, by what its launchers put into the environment. */

/** Names of the number of ranks, and of a rank's own number, by launcher. */
const LAUNCHERS = [
  ['OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK'], // Open MPI's mpirun
  ['PMI_SIZE', 'PMI_RANK'], // MPICH's and Intel's mpiexec, srun --mpi=pmi2
] as const;

/** This process among those that were started together. */
export interface Launched {
  rank: number;
  size: number;
}

/** One process where no launcher of MPI started it. `srun --mpi=pmix` is known by its own rank and Slurm's count. */
export function launched(env: NodeJS.ProcessEnv = process.env): Launched {
  const number = (name: string) => Number.parseInt(env[name] ?? '', 10);
  const names: (readonly [string, string])[] = [...LAUNCHERS];
  if (env.PMIX_RANK !== undefined) names.push(['SLURM_NTASKS', 'PMIX_RANK']);
  for (const [size, rank] of names)
    if (number(size) > 0 && number(rank) >= 0) return { rank: number(rank), size: number(size) };
  return { rank: 0, size: 1 };
}
