import { totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { memory } from '../../../src/machine/memory.js';
import { fakeMachine, temporaryFolder } from '../../support/fixtures.js';

describe('memory', () => {
  it("is the machine's where nothing limits it", () => {
    const { total, free } = memory(temporaryFolder());
    expect(total).toBe(totalmem());
    expect(free).toBeGreaterThan(0);
    const unlimited = fakeMachine({
      'proc/self/cgroup': '0::/user',
      'sys/fs/cgroup/user/memory.max': 'max',
      'sys/fs/cgroup/user/memory.current': 5,
    });
    expect(memory(unlimited).total).toBe(totalmem());
  });

  it('is what a container may still take; files that can be dropped count as free', () => {
    const root = fakeMachine({
      'proc/self/cgroup': '0::/',
      'sys/fs/cgroup/memory.max': 1000,
      'sys/fs/cgroup/memory.current': 700,
      'sys/fs/cgroup/memory.stat': 'anon 400\ninactive_file 200\nactive_file 50',
    });
    expect(memory(root)).toEqual({ total: 1000, free: 550 });
  });

  it('is bound by the groups around the innermost too, of either version', () => {
    const second = fakeMachine({
      'proc/self/cgroup': '0::/outer/inner',
      'sys/fs/cgroup/outer/memory.max': 1000,
      'sys/fs/cgroup/outer/memory.current': 900,
      'sys/fs/cgroup/outer/inner/memory.max': 2000,
      'sys/fs/cgroup/outer/inner/memory.current': 10,
    });
    expect(memory(second)).toEqual({ total: 1000, free: 100 });
    const first = fakeMachine({
      'proc/self/cgroup': '5:cpu:/\n4:memory:/docker/x\n0::/',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': 3000,
      'sys/fs/cgroup/memory/memory.usage_in_bytes': 3500,
    });
    expect(memory(first)).toEqual({ total: 3000, free: 0 });
  });
});
