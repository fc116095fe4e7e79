/** Small questions to the file system. */
import { stat } from 'node:fs/promises';

/** Follows links: one that leads nowhere doesn't count. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
