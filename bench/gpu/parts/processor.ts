/** What one engine sets for the whole process must not change what another computes. */
import { createEngine } from '../../../src/engine/addon.js';
import { GrpoError } from '../../../src/common/errors.js';
import { parseModelConfig } from '../../../src/model/config.js';
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
  max_position_embeddings: 256,
});
const IDS = tokens(64, CONFIG.vocabSize, 'processor');

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
    const after = await cpu();
    check.equal('the CPU, after the device was opened', fingerprint(between), fingerprint(before));
    check.equal('the CPU, at the end', fingerprint(after), fingerprint(before));
    check.equal('the device, after the CPU with oneDNN', fingerprint(second), fingerprint(first));
    const difference = new Difference();
    difference.add(first, before);
    // TF32 or bfloat16 would be off by 1e-4 or more.
    check.atMost(
      'float32 logits of the device, largest difference over largest value',
      difference.share,
      1e-5,
    );
  },
};

async function logits(device: string, matrixBackend: 'mkl' | 'onednn' = 'mkl'): Promise<Float32Array> {
  const engine = createEngine({ device, dtype: 'float32', threads: 1, matrixBackend });
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
