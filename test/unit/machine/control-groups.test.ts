import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cpuQuota, engineThreads, processor, usableCores } from '../../../src/machine/processor.js';
import { fakeMachine } from '../../support/fixtures.js';

/** A whole period's worth of so many processors. */
const quota = (processors: number) => `${processors * 100_000} 100000`;
/** Fewer than any machine has cores binds; more than it has does not. */
const MANY = availableParallelism() + 7;

describe('the processors of a container', () => {
  it.each<[string, Record<string, string | number>, number]>([
    ['no control groups', {}, Infinity],
    ['v2, no limit', { 'proc/self/cgroup': '0::/a', 'sys/fs/cgroup/a/cpu.max': 'max 100000' }, Infinity],
    ['v2', { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': quota(2) }, 2],
    ['v2, a period of its own', { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': '15000 10000' }, 1.5],
    [
      'v2, the group around binds more',
      {
        'proc/self/cgroup': '0::/outer/inner',
        'sys/fs/cgroup/outer/cpu.max': quota(3),
        'sys/fs/cgroup/outer/inner/cpu.max': quota(8),
      },
      3,
    ],
    [
      'v2, the path is of the host',
      { 'proc/self/cgroup': '0::/kubepods/x', 'sys/fs/cgroup/cpu.max': quota(4) },
      4,
    ],
    [
      'v1',
      {
        'proc/self/cgroup': '5:cpu:/docker/x\n0::/',
        'sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us': 250_000,
        'sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us': 100_000,
      },
      2.5,
    ],
    [
      'v1, together with another controller',
      {
        'proc/self/cgroup': '4:cpu,cpuacct:/docker/x',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': 100_000,
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': 50_000,
      },
      2,
    ],
    [
      'v1, mounted under its own name',
      {
        'proc/self/cgroup': '4:cpuacct,cpu:/',
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': 100_000,
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': 100_000,
      },
      1,
    ],
    [
      'v1, no limit',
      {
        'proc/self/cgroup': '5:cpu:/',
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': -1,
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': 100_000,
      },
      Infinity,
    ],
    [
      'v1, of another controller',
      {
        'proc/self/cgroup': '5:cpuset:/',
        'sys/fs/cgroup/cpuset/cpu.cfs_quota_us': 100_000,
        'sys/fs/cgroup/cpuset/cpu.cfs_period_us': 100_000,
      },
      Infinity,
    ],
  ])('%s', (_, files, processors) => {
    expect(cpuQuota(fakeMachine(files))).toBe(processors);
  });
});

describe('the number of threads', () => {
  beforeEach(() => {
    vi.stubEnv('OMP_NUM_THREADS', '');
    vi.stubEnv('MKL_NUM_THREADS', '');
  });
  afterEach(() => vi.unstubAllEnvs());

  const of = (processors: number) =>
    fakeMachine({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': quota(processors) });

  it.each<[string, number, number, number]>([
    ['is what was asked for', 3, 0.5, 3],
    ["is libtorch's own where no quota binds", 0, MANY, 0],
    ['is one at least', 0, 0.5, 1],
  ])('%s', (_, asked, processors, threads) => {
    expect(engineThreads(asked, of(processors))).toBe(threads);
  });

  it('is what the quota has room for, where that is less than there are cores', () => {
    const cores = Math.min(availableParallelism(), processor().physicalCores);
    expect(engineThreads(0, of(cores - 0.5))).toBe(Math.max(1, cores - 1));
    expect(usableCores(of(1.9))).toBe(1);
    expect(usableCores(of(MANY))).toBe(availableParallelism());
  });

  it.each(['OMP_NUM_THREADS', 'MKL_NUM_THREADS'])("is a person's where %s is set", (name) => {
    vi.stubEnv(name, '2');
    expect(engineThreads(0, of(0.5))).toBe(0);
  });
});
