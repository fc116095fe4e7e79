/** bfloat16 on the device is as near to float32 as bfloat16 on the CPU. */
import type { Batch } from '../../../src/engine/types.js';
import type { LanguageModel } from '../../../src/model/language-model.js';
import { Difference, differences, STEPS, type Differences } from '../differences.js';
import { batchOf, subjects, tokens, values } from '../models.js';
import type { Part } from '../part.js';

/** The device's error in bfloat16 over the CPU's: rounding in another order, of other sums. */
const TIMES = 3;
/** Share of the logits that may be bfloat16 numbers: they are sums in float32, and not rounded again. */
const ROUNDED = 0.02;

const MEASURES: [what: string, of: (found: Differences) => number][] = [
  ['logits', ({ logits }) => logits.norm],
  ['log-probs', ({ logps }) => logps.norm],
  ['entropies', ({ entropies }) => entropies.norm],
  ['gradients', ({ gradients }) => gradients.norm],
  [`weights after ${STEPS} steps`, ({ weights }) => weights.norm],
];
/** Norm of the difference between gradients computed at once and in parts, over their norm. */
const IN_PARTS = 2e-2;

export const bfloat16: Part = {
  name: 'bfloat16',
  title: 'the device against the CPU, bfloat16: error over that of the CPU (norms)',
  kind: 'check',
  seconds: 180,
  async run(check) {
    for (const { name, open, temperature } of subjects(check.scale)) {
      const exact = await open('cpu', 'float32');
      const [cpu, device] = [await open('cpu', 'bfloat16'), await open(check.device, 'bfloat16')];
      const [ofCpu, ofDevice] = await differences(
        exact,
        [cpu, device],
        batchOf(exact, check.scale),
        temperature,
      );
      for (const [what, of] of MEASURES)
        check.atMost(`${name}: ${what}`, of(ofDevice!) / of(ofCpu!), TIMES, 'times');
      // (On the CPU it depends on the number of rows: libtorch's products of many are rounded.)
      if (check.device !== 'cpu')
        check.atMost(`${name}: logits that are rounded to bfloat16`, await rounded(device), ROUNDED);
      const split = await inParts(device, batchOf(exact, check.scale), temperature);
      check.atMost(`${name}: gradients of a batch in parts against those of all of it`, split, IN_PARTS);
      await Promise.all([exact.dispose(), cpu.dispose(), device.dispose()]);
    }
  },
};

/** Gradients of a batch, its completions one after another, against those of all together. */
async function inParts(model: LanguageModel, batch: Batch, temperature: number): Promise<number> {
  const { completions, promptOf } = batch;
  const derivatives = completions.map(({ length }, i) => values(length, `completion ${i}`));
  const learn = async (indices: number[]) => {
    const part = {
      prompts: batch.prompts,
      completions: indices.map((i) => completions[i]!),
      promptOf: Int32Array.from(indices, (i) => promptOf[i]!),
    };
    await model.forward(part, temperature);
    await model.backward(Float32Array.from(indices.flatMap((i) => [...derivatives[i]!])));
  };
  const names = (await model.engine.parameters()).map(({ name }) => name);
  const gradients = () => Promise.all(names.map((name) => model.engine.tensor(name, 'grad')));
  await model.zeroGrad();
  await learn([...completions.keys()]);
  const whole = await gradients();
  await model.zeroGrad();
  for (const i of completions.keys()) await learn([i]);
  const difference = new Difference();
  for (const [i, parts] of (await gradients()).entries()) difference.add(parts, whole[i]!);
  return difference.norm;
}

/** Share of logits whose last 16 bits are 0. */
async function rounded({ engine, config }: LanguageModel): Promise<number> {
  const logits = await engine.logits(tokens(200, config.vocabSize, 'rounded'));
  const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
  return bits.reduce((count, word) => count + ((word & 0xffff) === 0 ? 1 : 0), 0) / bits.length;
}
