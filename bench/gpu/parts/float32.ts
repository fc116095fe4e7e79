/** What the device computes in float32 is what the CPU computes. */
import { differences, STEPS } from '../differences.js';
import { batchOf, subjects } from '../models.js';
import type { Part } from '../part.js';

/** Largest difference over the largest value. Sums in another order differ by 1e-6 or so. */
const FORWARD = 1e-4;
const GRADIENT = 1e-3;
/** In learning rates, after all steps. */
const WEIGHTS = 1e-2;

export const float32: Part = {
  name: 'float32',
  title: 'the device against the CPU, float32',
  kind: 'check',
  seconds: 120,
  async run(check) {
    for (const { name, open } of subjects(check.scale)) {
      const [cpu, device] = [await open('cpu', 'float32'), await open(check.device, 'float32')];
      const [found] = await differences(cpu, [device], batchOf(cpu, check.scale));
      const { logits, logps, entropies, worstGradient, gradientNorm, weights } = found!;
      check.atMost(`${name}: logits`, logits.share, FORWARD);
      check.atMost(`${name}: log-probs`, logps.share, FORWARD);
      check.atMost(`${name}: entropies`, entropies.share, FORWARD);
      check.atMost(
        `${name}: gradients, of all parameters the worst (${worstGradient.name})`,
        worstGradient.share,
        GRADIENT,
      );
      check.atMost(`${name}: norm of the gradients, ${STEPS} steps`, gradientNorm.share, GRADIENT);
      check.atMost(`${name}: weights after ${STEPS} steps, in learning rates`, weights.largest, WEIGHTS);
      await Promise.all([cpu.dispose(), device.dispose()]);
    }
  },
};
