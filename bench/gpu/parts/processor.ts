/** What one engine sets for the whole process must not change what another computes. */
import { createEngine, loadAddon } from '../../../src/engine/addon.js';
import { GrpoError } from '../../../src/common/errors.js';
import { parseModelConfig } from '../../../src/model/config.js';
import { engineThreads } from '../../../src/machine/processor.js';
import { Difference } from '../differences.js';
import { fingerprint } from '../fingerprint.js';
import { tokens } from '../models.js';
import type { Part } from '../part.js';

/** As wide as Qwen2-0.5B, one layer: sums as long as a real model's, and no errors of earlier layers. */
const CONFIG = parseModelConfig({
  model_type: 'qwen2',
  vocab_size: 1000,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 1,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
});
const IDS = tokens(500, CONFIG.vocabSize, 'processor');

/** The same for every engine of the process: libtorch has one number for all. */
const THREADS = engineThreads(0);
const FLOAT32 = 'logits of the device, largest difference over largest value';
/** Of sums in another order; TF32 and bfloat16 are off by 1e-4 or more. */
const ROUNDING = 3e-5;

export const processor: Part = {
  name: 'processor',
  title: 'a CPU engine before, between and after',
  kind: 'check',
  seconds: 60,
  // The first engine must be the CPU's.
  fresh: true,
  async run(check) {
    const [cpu, other] = [() => logits('cpu'), () => logits(check.device)];
    const before = await cpu();
    const first = await other();
    const between = await cpu();
    await logits('cpu', 'onednn').catch(unlessInexact);
    const second = await other();
    const [beside, third] = await Promise.all([cpu(), other()]);
    loadAddon().machineLimits({ device: 'cpu', threads: THREADS });
    const fourth = await other();
    const after = await cpu();
    check.equal('the CPU, after the device was opened', fingerprint(between), fingerprint(before));
    check.equal('the CPU, while the device computes', fingerprint(beside), fingerprint(before));
    check.equal('the CPU, at the end', fingerprint(after), fingerprint(before));
    check.equal('the device, after the CPU with oneDNN', fingerprint(second), fingerprint(first));
    check.equal('the device, while the CPU computes', fingerprint(third), fingerprint(first));
    check.equal("the device, after the CPU's limits were measured", fingerprint(fourth), fingerprint(first));
    check.atMost(FLOAT32, share(first, before), ROUNDING);
  },
};

/** Asked by its environment for TF32, which other programs may want. */
export const override: Part = {
  name: 'override',
  title: 'float32 where TORCH_ALLOW_TF32_CUBLAS_OVERRIDE is set',
  kind: 'check',
  seconds: 60,
  // libtorch reads it once a process, when it is loaded.
  fresh: true,
  async run(check) {
    process.env.TORCH_ALLOW_TF32_CUBLAS_OVERRIDE = '1';
    check.atMost(FLOAT32, share(await logits(check.device), await logits('cpu')), ROUNDING);
  },
};

function share(actual: Float32Array, expected: Float32Array): number {
  const difference = new Difference();
  difference.add(actual, expected);
  return difference.share;
}

async function logits(device: string, matrixBackend: 'mkl' | 'onednn' = 'mkl'): Promise<Float32Array> {
  const engine = createEngine({ device, dtype: 'float32', threads: THREADS, matrixBackend });
  try {
    await engine.initialize(CONFIG, 1);
    return await engine.logits(IDS);
  } finally {
    await engine.dispose();
  }
}

/** oneDNN isn't exact on every processor, and then is never used. */
function unlessInexact(error: unknown): void {
  if (!(error instanceof GrpoError && error.code === 'MATMUL_INEXACT')) throw error;
}
