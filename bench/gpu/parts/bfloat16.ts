/** bfloat16 on the device is as near to float32 as bfloat16 on the CPU. */
import type { LanguageModel } from '../../../src/model/language-model.js';
import { differences, STEPS, type Differences } from '../differences.js';
import { batchOf, subjects, tokens } from '../models.js';
import type { Part } from '../part.js';

/** The device's error in bfloat16 over the CPU's: rounding in another order, of other sums. */
const TIMES = 3;
/** Share of the logits that may be bfloat16 numbers: they are sums in float32, and not rounded again. */
const ROUNDED = 0.01;

const MEASURES: [what: string, of: (found: Differences) => number][] = [
  ['logits', ({ logits }) => logits.norm],
  ['log-probs', ({ logps }) => logps.norm],
  ['entropies', ({ entropies }) => entropies.norm],
  ['gradients', ({ gradients }) => gradients.norm],
  [`weights after ${STEPS} steps`, ({ weights }) => weights.norm],
];

export const bfloat16: Part = {
  name: 'bfloat16',
  title: 'the device against the CPU, bfloat16: error over that of the CPU (norms)',
  kind: 'check',
  seconds: 120,
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
      await Promise.all([exact.dispose(), cpu.dispose(), device.dispose()]);
    }
  },
};

/** Share of logits whose last 16 bits are 0. */
async function rounded({ engine, config }: LanguageModel): Promise<number> {
  const logits = await engine.logits(tokens(200, config.vocabSize, 'rounded'));
  const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
  return bits.reduce((count, word) => count + ((word & 0xffff) === 0 ? 1 : 0), 0) / bits.length;
}
