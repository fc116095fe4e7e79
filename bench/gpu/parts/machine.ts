/** Opens the device, and says what it is. The first part: without a device there is nothing to check. */
import { createEngine } from '../../../src/engine/addon.js';
import { buildStamp } from '../../../src/engine/libtorch/build.js';
import { memory as hostMemory } from '../../../src/machine/memory.js';
import { nvidiaGpus, type Gpu } from '../../../src/machine/gpu.js';
import { engineThreads, processor } from '../../../src/machine/processor.js';
import { bytes } from '../../../src/common/format.js';
import type { Part } from '../part.js';

export const machine: Part = {
  name: 'machine',
  title: 'the device opens',
  kind: 'check',
  seconds: 120,
  opens: true,
  async run(check) {
    const { model, physicalCores } = processor();
    // `nvidia-smi` numbers GPUs in an order of its own: of several, all are named.
    const { gpus } = check.isGpu ? nvidiaGpus() : { gpus: [] };
    if (gpus.length > 0) {
      const each = (of: (gpu: Gpu) => string) => [...new Set(gpus.map(of))].join(' or ');
      check.measured(
        'GPU',
        each(({ name }) => name),
      );
      check.measured(
        'compute capability',
        each(({ computeCapability }) => computeCapability),
      );
      check.measured(
        'driver',
        each(({ driver }) => driver),
      );
    }
    const engine = createEngine({
      device: check.device,
      dtype: 'float32',
      threads: engineThreads(0),
      matrixBackend: 'auto',
    });
    try {
      const { device, torchVersion, threads, deviceMemory } = await engine.info();
      check.measured('device', device);
      if (deviceMemory)
        check.measured('memory', `${bytes(deviceMemory.free)} free of ${bytes(deviceMemory.total)}`);
      check.measured('libtorch', torchVersion);
      check.measured('built for CUDA', buildStamp()?.cuda ?? 'no');
      check.measured('processor', `${model}, ${physicalCores} cores, ${threads} threads`);
      check.measured('host memory', bytes(hostMemory().total));
    } finally {
      await engine.dispose();
    }
  },
};
