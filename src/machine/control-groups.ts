/** The control groups that bind this process: a container's limits, of both versions of the interface. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ControlGroup {
  /** A file of the group, trimmed; undefined where there is none. */
  read: (name: string) => string | undefined;
  version: 1 | 2;
}

/**
 * Innermost first: each of them binds the process.
 * @param root where `proc` and `sys` are
 */
export function controlGroups(controller: 'memory' | 'cpu', root = '/'): ControlGroup[] {
  return (read(join(root, 'proc/self/cgroup')) ?? '').split('\n').flatMap((line) => {
    const [id, controllers = '', path = ''] = line.split(':');
    const version = id === '0' && controllers === '' ? 2 : 1;
    if (version === 1 && !controllers.split(',').includes(controller)) return [];
    // What lists several controllers (`cpu,cpuacct`) is mounted under that name, or under each one's.
    const mounts = version === 2 ? [''] : [...new Set([controllers, controller])];
    const parts = path.split('/').filter((part) => part !== '');
    return mounts.flatMap((mount) =>
      // In a container, the part of the path that lies outside of it is not to be seen.
      Array.from({ length: parts.length + 1 }, (_, above): ControlGroup => {
        const folder = join(root, 'sys/fs/cgroup', mount, ...parts.slice(0, parts.length - above));
        return { version, read: (name) => read(join(folder, name)) };
      }),
    );
  });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
