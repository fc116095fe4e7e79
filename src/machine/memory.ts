/** How much memory there is, and how much of it may still be taken: the machine's, or a container's share. */
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

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
  for (const group of controlGroups(root)) {
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

/** The limited control groups that this process is in, innermost first: each of them binds it. */
function controlGroups(root: string): { limit: number; used: number }[] {
  const groups: { limit: number; used: number }[] = [];
  for (const line of (read(join(root, 'proc/self/cgroup')) ?? '').split('\n')) {
    const [id, controllers, path = ''] = line.split(':');
    const second = id === '0' && controllers === '';
    if (!second && controllers !== 'memory') continue;
    const base = join(root, 'sys/fs/cgroup', second ? '' : 'memory');
    const [limitName, usedName] = second
      ? ['memory.max', 'memory.current']
      : ['memory.limit_in_bytes', 'memory.usage_in_bytes'];
    const parts = path.split('/').filter((part) => part !== '');
    for (let depth = parts.length; depth >= 0; depth--) {
      // In a container, the part of the path that lies outside of it is not to be seen.
      const folder = join(base, ...parts.slice(0, depth));
      const limit = Number(read(join(folder, limitName)));
      const used = Number(read(join(folder, usedName)));
      if (limit > 0 && Number.isFinite(used)) groups.push({ limit, used: used - reclaimable(folder) });
    }
  }
  return groups;
}

/** Bytes of files that a group is charged for and that the system can drop. */
function reclaimable(folder: string): number {
  const stat = read(join(folder, 'memory.stat')) ?? '';
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  return value('inactive_file') + value('active_file');
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
