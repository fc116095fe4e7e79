/** What the device can do at best: the measure of everything after it. */
import { loadAddon } from '../../../src/engine/addon.js';
import { engineThreads } from '../../../src/machine/processor.js';
import type { MachineLimits } from '../../../src/engine/types.js';
import type { Part } from '../part.js';

export const limits: Part = {
  name: 'limits',
  title: 'limits of the device',
  kind: 'measure',
  seconds: 60,

  async run(check) {
    const measured = limitsOf(check.device);
    const tera = (rate: number) => rate / 1e12;
    check.measured('float32 products', tera(Math.max(...Object.values(measured.float32))), 'TFLOP/s');
    check.measured('bfloat16 products', tera(measured.bfloat16), 'TFLOP/s');
    check.measured('copy', measured.copy / 1e9, 'GB/s');
    check.measured('in place', measured.update / 1e9, 'GB/s');
    check.measured('read', measured.read / 1e9, 'GB/s');
    // TF32 would be off by 1e-4.
    check.atMost('float32 product, largest error over largest value', measured.rounding, 1e-6);
  },
};

const known = new Map<string, MachineLimits>();

/** Measured once a process. */
export function limitsOf(device: string): MachineLimits {
  const limits = known.get(device) ?? loadAddon().machineLimits({ device, threads: engineThreads(0) });
  known.set(device, limits);
  return limits;
}
