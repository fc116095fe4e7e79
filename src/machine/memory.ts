/** How much memory there is, and how much of it may still be taken: the machine's, or a container's share. */
import { freemem, totalmem } from 'node:os';
import { controlGroups, type ControlGroup } from './control-groups.js';

export interface Memory {
  /** Bytes; a container's limit where there is one. */
  total: number;
  /** Files that the system keeps in memory make room when they must, and count as free. */
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

/** Bytes for what a process takes beside tensors, as it goes on: JavaScript, libtorch's code as it is used. */
export const BESIDE_TENSORS = 128 << 20;

/** Bytes that this process may still take. @param maxMemory GB that it may take in all; null: what is free */
export function freeWithin(maxMemory: number | null): number {
  return maxMemory === null ? memory().free : maxMemory * 1e9 - process.memoryUsage.rss();
}

/** The limited control groups that this process is in. */
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

/** Bytes of files that a group is charged for and that the system can drop. */
function reclaimable(group: ControlGroup): number {
  const stat = group.read('memory.stat') ?? '';
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  return value('inactive_file') + value('active_file');
}
