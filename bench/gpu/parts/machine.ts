/** Opens the device, and says what it is. The first part: without a device there is nothing to check. */
import { createEngine } from '../../../src/engine/addon.js';
import { buildStamp } from '../../../src/engine/libtorch/build.js';
import { memory as hostMemory } from '../../../src/machine/memory.js';
import { engineThreads, nvidiaGpus, processor } from '../../../src/machine/processor.js';
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
    const gpus = nvidiaGpus().map((gpu) => gpu.split(', '));
    // `nvidia-smi` says no index that libtorch would share: of several, all are named.
    if (check.isGpu && gpus.length > 0) {
      check.measured('GPU', gpus.map(([name]) => name).join(' + '));
      check.measured('memory', gpus[0]![1]!);
      check.measured('driver', gpus[0]![2]!);
    }
    const engine = createEngine({
      device: check.device,
      dtype: 'float32',
      threads: engineThreads(0),
      matrixBackend: 'auto',
    });
    try {
      const { device, torchVersion, threads } = await engine.info();
      check.measured('device', device);
      check.measured('libtorch', torchVersion);
      check.measured('built for CUDA', buildStamp()?.cuda ?? 'no');
      check.measured('processor', `${model}, ${physicalCores} cores, ${threads} threads`);
      check.measured('host memory', bytes(hostMemory().total));
    } finally {
      await engine.dispose();
    }
  },
};
