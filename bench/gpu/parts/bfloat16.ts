/** bfloat16 on the device is as near to float32 as bfloat16 on the CPU. */
import { differences, STEPS, type Differences } from '../differences.js';
import { batchOf, subjects } from '../models.js';
import type { Part } from '../part.js';

/** The device's error in bfloat16 over the CPU's: rounding in another order, but no rounding more. */
const TIMES = 2;

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
      await Promise.all([exact.dispose(), cpu.dispose(), device.dispose()]);
    }
  },
};
