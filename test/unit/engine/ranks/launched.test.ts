import { describe, expect, it } from 'vitest';
import { withoutProcesses } from '../../../../src/cli/processes.js';
import { launch } from '../../../../src/engine/ranks/launch.js';
import { launched } from '../../../../src/engine/ranks/launched.js';

describe('a launcher of MPI', () => {
  it.each([
    ['Open MPI', { OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '3' }, { rank: 3, size: 4 }],
    ['MPICH', { PMI_SIZE: '2', PMI_RANK: '0' }, { rank: 0, size: 2 }],
    ['srun --mpi=pmix', { SLURM_NTASKS: '8', PMIX_RANK: '7' }, { rank: 7, size: 8 }],
    ['a job of Slurm without MPI', { SLURM_NTASKS: '8', SLURM_PROCID: '7' }, { rank: 0, size: 1 }],
    ['none', {}, { rank: 0, size: 1 }],
    ['nonsense', { PMI_SIZE: 'two', PMI_RANK: '0' }, { rank: 0, size: 1 }],
  ])('is known by its environment: %s', (_, env, expected) => {
    expect(launched(env)).toEqual(expected);
  });

  it('is called with what the user has set, before what is set for it', () => {
    const build = { object: '/o', mpicxx: '/bin/mpicxx', mpirun: '/bin/mpirun' };
    process.env.OMPI_MCA_rmaps_base_oversubscribe = '0';
    try {
      const { program, args, env } = launch(build, 3, ['cli.js', 'train']);
      expect([program, ...args]).toEqual(['/bin/mpirun', '-n', '3', process.execPath, 'cli.js', 'train']);
      expect(env).toMatchObject({
        OMPI_MCA_rmaps_base_oversubscribe: '0',
        OMPI_MCA_hwloc_base_binding_policy: 'none',
      });
    } finally {
      delete process.env.OMPI_MCA_rmaps_base_oversubscribe;
    }
  });
});

it.each([
  [
    ['train', '--processes', '2', '--beta', '0'],
    ['train', '--beta', '0'],
  ],
  [
    ['train', '--processes=2', 'config.yaml'],
    ['train', 'config.yaml'],
  ],
  [['train'], ['train']],
])('processes that are started are not told to start more: %j', (words, expected) => {
  expect(withoutProcesses(words)).toEqual(expected);
});
