import { defineConfig } from 'vitest/config';

/** Native tests in which no model computes. */
const OF_NO_DEVICE = ['device', 'random'];
/** Native tests that take too long to run a second time at each `npm test`: for `npm run test:release`. */
const SLOW_ON_DEVICE = ['few-rows', 'leaks', 'memory-limit'];
const RELEASE = process.env.GRPO_NATIVE_TEST_RELEASE === '1';
const nativeTests = (names: string[]) => names.map((name) => `test/native/${name}.test.ts`);

export default defineConfig({
  test: {
    reporters: ['default', './test/setup/summary.ts'],
    // No watch mode unless asked for: `npm test` ends.
    watch: false,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'native',
          include: ['test/native/**/*.test.ts'],
          exclude: nativeTests(['on-device']),
          env: { GRPO_NATIVE_TEST_DEVICE: 'cpu' },
          globalSetup: ['test/setup/addon.ts'],
          // A process for each file: libtorch keeps its thread pools for good, and a crash
          // must name the file that caused it. One at a time: each uses every core.
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          // The same on a device that is not the CPU: test/device, or a GPU where it is named.
          name: 'native-device',
          include: ['test/native/**/*.test.ts'],
          exclude: nativeTests([...OF_NO_DEVICE, ...(RELEASE ? [] : SLOW_ON_DEVICE)]),
          env: { GRPO_NATIVE_TEST_DEVICE: process.env.GRPO_NATIVE_TEST_DEVICE ?? 'privateuseone' },
          globalSetup: ['test/setup/addon.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: RELEASE ? 600_000 : 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/setup/dist.ts', 'test/setup/addon.ts', 'test/setup/mpi.ts'],
          pool: 'forks',
          // Their processes wait for each other, for disks and for clocks as much as they compute.
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/setup/dist.ts', 'test/setup/addon.ts', 'test/setup/chromium.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          // Minutes each: `npm run test:release` alone runs these.
          name: 'release',
          include: ['test/release/**/*.test.ts'],
          globalSetup: ['test/setup/dist.ts', 'test/setup/addon.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 1_200_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
