/**
 * The device that the native tests run on: the CPU, or what `GRPO_NATIVE_TEST_DEVICE` names.
 * `privateuseone` is the device of `test/device`, whose memory the host can't touch.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadAddon } from '../../src/engine/addon.js';
import { addonPath } from '../../src/machine/paths.js';

/** `cpu`, `privateuseone` or `cuda`. */
export const DEVICE = process.env.GRPO_NATIVE_TEST_DEVICE ?? 'cpu';

/** False where what only the CPU has or promises isn't tested. */
export const ON_CPU = DEVICE === 'cpu';

/** What the host asked of the test device since `reset`. */
export interface Counters {
  /** Operations, each of which a GPU launches as one kernel or a few; views and new tensors are none. */
  operations: number;
  operationsByName: Record<string, number>;
  /** Copies, and their bytes; `item()` is a copy to the host. */
  hostToDevice: number;
  deviceToHost: number;
  bytesToDevice: number;
  bytesToHost: number;
  /** Times the host waited for a result. (It waits for a blocking copy to the device too.) */
  synchronizations: number;
}

/** The test device's addon. */
export interface TestDevice {
  reset(): void;
  counters(): Counters;
  /** Allocations beyond `bytes` in all fail as a GPU's do; 0: the device's 64 GiB. */
  limit(bytes: number): void;
  /** Bytes that tensors take now. */
  allocated(): number;
  /** Reads a tensor of the device through its pointer: the process ends. */
  dereference(): number;
  /** Gives an operation an index on the CPU: throws. */
  mixDevices(): void;
  /** What a copy of 7 to a 0 of the host, which isn't waited for, leaves there at once, and after waiting. */
  readEarly(): { atOnce: number; afterWaiting: number };
  /** Overwrites the source of a copy to the device that nobody waited for: throws. */
  writeEarly(): void;
}

/** The library that registers the test device: `node --require` does it for a whole process. */
export const testDevicePath = (): string => join(dirname(addonPath()), 'grpo_test_device.node');

/** Registers the test device in this process. */
export function testDevice(): TestDevice {
  loadAddon(); // which sets up libtorch's threads
  const library = testDevicePath();
  if (!existsSync(library)) throw new Error(`no ${library}: unset GRPO_NATIVE_ADDON, and the tests build it`);
  return createRequire(import.meta.url)(library) as TestDevice;
}

if (DEVICE === 'privateuseone') testDevice();
