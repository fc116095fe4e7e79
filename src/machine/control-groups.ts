/** Linux control groups (cgroup v1 and v2) that limit this process, as a container runtime sets them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ControlGroup {
  /** A file of the group, trimmed; undefined where there is none. */
  read: (name: string) => string | undefined;
  version: 1 | 2;
}

/**
 * The process's own group first, then its ancestors: the limits of all of them apply.
 * @param root where `proc` and `sys` are
 */
export function controlGroups(controller: 'memory' | 'cpu', root = '/'): ControlGroup[] {
  return (read(join(root, 'proc/self/cgroup')) ?? '').split('\n').flatMap((line) => {
    const [id, controllers = '', path = ''] = line.split(':');
    const version = id === '0' && controllers === '' ? 2 : 1;
    if (version === 1 && !controllers.split(',').includes(controller)) return [];
    // A v1 hierarchy with several controllers (`cpu,cpuacct`) is mounted under the joint name, or under each single one.
    const mounts = version === 2 ? [''] : [...new Set([controllers, controller])];
    const parts = path.split('/').filter((part) => part !== '');
    return mounts.flatMap((mount) =>
      // Inside a container the path may be the host's, whose folders aren't visible here: then only the root, which is
      // the container's own group, can be read.
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
