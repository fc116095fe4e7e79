/** Starting ranks on this machine with the launcher of the MPI that was set up. */
import type { MpiBuild } from './build.js';

export interface Launch {
  program: string;
  args: string[];
  env: NodeJS.ProcessEnv;
}

/**
 * What Open MPI must be told, as its versions 4 and 5 read it: a rank computes with threads of its own, so that it is
 * not bound to a core, and there may be more ranks than cores. MPICH does both by itself.
 */
const OPEN_MPI = {
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_hwloc_base_binding_policy: 'none',
  PRTE_MCA_rmaps_default_mapping_policy: ':oversubscribe',
  PRTE_MCA_hwloc_default_binding_policy: 'none',
};
/** Open MPI refuses to run as root, as in a container, unless it is told twice. */
const AS_ROOT = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };

/** `processes` times `node ...script`. */
export function launch({ mpirun }: MpiBuild, processes: number, script: readonly string[]): Launch {
  return {
    program: mpirun,
    args: ['-n', String(processes), process.execPath, ...script],
    env: { ...OPEN_MPI, ...(process.getuid?.() === 0 && AS_ROOT), ...process.env },
  };
}
