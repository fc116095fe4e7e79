/** Total and free memory of the machine, or of the container that this process runs in. */
import { freemem, totalmem } from 'node:os';
import { controlGroups, type ControlGroup } from './control-groups.js';

export interface Memory {
  /** Bytes; a container's limit where there is one. */
  total: number;
  /** Bytes; the page cache counts as free, since the system drops it when memory is needed. */
  free: number;
}

/** @param root where `proc` and `sys` are */
export function memory(root = '/'): Memory {
  let total = totalmem();
  let free = freemem();
  for (const group of limitedGroups(root)) {
    total = Math.min(total, group.limit);
    free = Math.min(free, Math.max(0, group.limit - group.used));
  }
  return { total, free: Math.min(free, total) };
}

/** Allowance in bytes for what grows beside the tensors: the JavaScript heap, pages of libtorch's code. */
export const BESIDE_TENSORS = 128 << 20;

/**
 * Bytes that this process may still allocate.
 * @param maxMemory limit of the whole process in GB; null: limited by free memory alone
 */
export function freeWithin(maxMemory: number | null): number {
  return maxMemory === null ? memory().free : maxMemory * 1e9 - process.memoryUsage.rss();
}

/** Limit and use of each control group of this process that has a memory limit. */
function limitedGroups(root: string): { limit: number; used: number }[] {
  return controlGroups('memory', root).flatMap((group) => {
    const [limitName, usedName] =
      group.version === 2
        ? ['memory.max', 'memory.current']
        : ['memory.limit_in_bytes', 'memory.usage_in_bytes'];
    const limit = Number(group.read(limitName));
    const used = Number(group.read(usedName));
    return limit > 0 && Number.isFinite(used) ? [{ limit, used: used - reclaimable(group) }] : [];
  });
}

/** Page cache that is charged to the group and that the system can drop, in bytes. */
function reclaimable(group: ControlGroup): number {
  const stat = group.read('memory.stat') ?? '';
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  return value('inactive_file') + value('active_file');
}
