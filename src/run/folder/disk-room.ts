/** Whether the disk has room for what a run will write. */
import { GrpoError } from '../../common/errors.js';
import type { RunFolder } from './folder.js';

/** Better refused now than after an hour: what all checkpoints and the final model will take. */
export async function refuseFullDisk(
  run: RunFolder,
  parameters: number,
  options: { saveSteps: number; saveTotalLimit: number },
): Promise<void> {
  const model = parameters * 4;
  // While a checkpoint is written, those to be removed are still there.
  const checkpoints = options.saveSteps > 0 && options.saveTotalLimit > 0 ? options.saveTotalLimit + 1 : 1;
  const needed = model + checkpoints * 3 * model;
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
