/** Work that doesn't fit is refused, and the same engine then computes what it did before. */
import { GrpoError } from '../../../src/common/errors.js';
import type { Batch } from '../../../src/engine/types.js';
import type { LanguageModel } from '../../../src/model/language-model.js';
import { run } from '../../../src/machine/exec.js';
import { fingerprint } from '../fingerprint.js';
import { batchOf, deep, tokens, TINY } from '../models.js';
import type { Check, Part } from '../part.js';

const MB = 2 ** 20;
/** Completions of this length; as many as it takes. */
const LENGTH = 256;
/** 4 million tokens take 5 TB here: more than any device has. */
const MOST = 2 ** 14;
/** MiB that a device may keep beyond what was there before: kernels that were loaded, workspaces. */
const KEPT = 1024;

export const memory: Part = {
  name: 'memory',
  title: 'out of memory, and back',
  kind: 'check',
  seconds: 90,
  async run(check) {
    const first = await TINY.open(check.device, 'float32');
    const batch = batchOf(first, check.scale);
    await first.score(batch);
    const empty = { tensors: await taken(first), driver: takenByDriver() };

    const model = await deep(check.scale).open(check.device, 'float32');
    const before = await learned(model, batch);
    check.equal('work that does not fit', await tooMuch(check, model), 'OUT_OF_MEMORY');
    const after = await learned(model, batch);
    check.equal('log-probs after it', after.logps, before.logps);
    check.equal('gradient norm after it', after.norm, before.norm);
    await model.dispose();
    if (check.isGpu) {
      check.atMost('left behind, by libtorch', ((await taken(first)) - empty.tensors) / MB, KEPT, 'MiB');
      check.atMost('left behind, by nvidia-smi', takenByDriver() - empty.driver, KEPT, 'MiB');
    }
    await first.dispose();
  },
};

/** The same numbers each time: nothing is updated. */
async function learned(model: LanguageModel, batch: Batch): Promise<{ logps: string; norm: number }> {
  const { logps } = await model.forward(batch, 1);
  await model.backward(logps.map(() => 1 / logps.length));
  const norm = await model.optimizerStep({
    learningRate: 0,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0,
    noWeightDecay: [],
    maxGradNorm: 0,
  });
  return { logps: fingerprint(logps), norm };
}

/** On a GPU more and more until its memory is really full; elsewhere within a limit. */
async function tooMuch({ isGpu }: Check, model: LanguageModel): Promise<string> {
  if (!isGpu) await model.engine.limitMemory(MB);
  try {
    for (let completions = isGpu ? 64 : 8; completions <= MOST; completions *= 2) {
      await model.forward(large(completions, model), 1);
      await model.zeroGrad();
    }
    return 'no error';
  } catch (error) {
    if (error instanceof GrpoError) return error.code;
    throw error;
  } finally {
    await model.zeroGrad();
    if (!isGpu) await model.engine.limitMemory(0);
  }
}

const large = (completions: number, { config }: LanguageModel): Batch => ({
  prompts: [Int32Array.of(1)],
  // Each begins with tokens of its own, so that none shares a prefix.
  completions: Array.from({ length: completions }, (_, i) => {
    const { vocabSize } = config;
    const own = Int32Array.of(1 + (i % (vocabSize - 1)), 1 + Math.floor(i / (vocabSize - 1)));
    return Int32Array.of(...own, ...ROW.map((id) => 1 + ((id + i) % (vocabSize - 1)))).slice(0, LENGTH);
  }),
  promptOf: new Int32Array(completions),
});
const ROW = tokens(LENGTH, 1000, 'memory');

/** Bytes of the device's memory that tensors can't take; NaN where it doesn't tell. */
async function taken(model: LanguageModel): Promise<number> {
  const { deviceMemory } = await model.info();
  return deviceMemory ? deviceMemory.total - deviceMemory.free : NaN;
}

/** MiB of all GPUs that are in use, what libtorch keeps for further tensors included. */
function takenByDriver(): number {
  const { stdout } = run('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits']);
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, used) => sum + Number(used), 0);
}
