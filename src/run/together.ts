/** A run by one process, or by several that MPI has started together. */
import { startRanks } from '../engine/ranks/ranks.js';
import type { TrainExtras } from './extras.js';

/** Does a run's work with the other processes, where there are some: they end together, whatever happens to one. */
export async function together<T>(
  extras: TrainExtras,
  work: (extras: TrainExtras) => Promise<T>,
): Promise<T> {
  const ranks = extras.ranks ?? (await startRanks());
  if (!ranks) return work(extras);
  try {
    return await work({ ...extras, ranks, signal: ranks.follow(extras.signal) });
  } catch (error) {
    ranks.fail(error);
    throw error;
  }
}
