/** The check that the disk has room for what a run will write. */
import { GrpoError } from '../../common/errors.js';
import type { RunFolder } from './folder.js';

/**
 * Refuses a run whose checkpoints, final and best models will not fit on the disk, before it starts.
 * @param parameters that learn, and are saved
 * @param choosing whether the run keeps its best weights
 * @throws {GrpoError} DISK_FULL
 */
export async function refuseFullDisk(
  run: RunFolder,
  parameters: number,
  options: { saveSteps: number; saveTotalLimit: number },
  choosing: boolean,
): Promise<void> {
  const model = parameters * 4;
  // The checkpoint that will be removed is still there while the next one is written.
  const checkpoints = options.saveSteps > 0 && options.saveTotalLimit > 0 ? options.saveTotalLimit + 1 : 1;
  // The best weights until now are there too while better ones are written.
  const best = choosing ? 2 * model : 0;
  const needed = model + checkpoints * 3 * model + best;
  const free = await run.freeSpace().catch(() => Infinity);
  if (free >= needed) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new GrpoError(
    'DISK_FULL',
    `${run.path} needs ${gigabytes(needed)} for checkpoints, and ${gigabytes(free)} are free`,
    {
      fix: 'free some space, choose another --output-dir, or keep fewer checkpoints (--save-total-limit)',
      value: free,
      exitCode: 1,
    },
  );
}
