/** Which device computes: `auto` made definite, and the memory of a GPU before anything is put there. */
import { GrpoError } from '../common/errors.js';
import { mayHaveGpu } from '../machine/gpu.js';
import { engineThreads } from '../machine/processor.js';
import { createEngine } from './addon.js';
import type { DeviceMemory } from './types.js';

/** A device that opens and computes. */
export interface OpenDevice {
  /** `cpu`, `cuda:N` or the test device. */
  device: string;
  /** Memory of its own; null: it computes in the machine's main memory. */
  memory: DeviceMemory | null;
}

/**
 * Opens a device once, to see that it works. `auto` is the first GPU that is there and computes, else the CPU.
 *
 * @param onNotice told where `auto` passes over a GPU, and why
 * @throws {GrpoError} DEVICE_UNKNOWN, DEVICE_MISSING, ADDON_MISSING, ADDON_BROKEN
 */
export async function openDevice(device: string, onNotice?: (message: string) => void): Promise<OpenDevice> {
  if (device === 'cpu') return { device, memory: null };
  if (device !== 'auto') return open(device);
  if (!mayHaveGpu()) return { device: 'cpu', memory: null };
  try {
    return await open('cuda');
  } catch (error) {
    if (!(error instanceof GrpoError) || error.code !== 'DEVICE_MISSING') throw error;
    onNotice?.(`the GPU is not used: ${error.message} (grpo-native doctor says more)`);
    return { device: 'cpu', memory: null };
  }
}

async function open(device: string): Promise<OpenDevice> {
  const threads = engineThreads(0);
  const engine = createEngine({ device, dtype: 'float32', threads, matrixBackend: 'auto' });
  try {
    const info = await engine.info();
    return { device: info.device, memory: info.deviceMemory ?? null };
  } finally {
    await engine.dispose();
  }
}
