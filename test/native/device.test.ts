import { afterEach, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../src/engine/device.js';
import * as gpu from '../../src/machine/gpu.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the device auto', () => {
  it('is the CPU where the system shows no GPU, and CUDA is not even loaded', async () => {
    vi.spyOn(gpu, 'mayHaveGpu').mockReturnValue(false);
    const notices: string[] = [];
    const opened = await openDevice('auto', (message) => notices.push(message));
    expect(opened).toEqual({ device: 'cpu', memory: null });
    expect(notices).toEqual([]);
  });

  it('passes over a GPU that does not work, and says why', async () => {
    vi.spyOn(gpu, 'mayHaveGpu').mockReturnValue(true);
    const notices: string[] = [];
    const { device, memory } = await openDevice('auto', (message) => notices.push(message));
    // On a machine with a GPU that works, that one is taken.
    if (device === 'cpu') {
      expect(notices).toEqual([expect.stringMatching(/^the GPU is not used: .*(CUDA|GPU)/)]);
    } else {
      expect({ device, notices }).toEqual({ device: 'cuda:0', notices: [] });
      expect(memory!.free).toBeLessThanOrEqual(memory!.total);
    }
  });
});

it('refuses a device that is not there, with what to do', async () => {
  await expect(openDevice('cuda:99')).rejects.toMatchObject({
    code: 'DEVICE_MISSING',
    fix: expect.stringContaining('--device cpu') as string,
  });
});
