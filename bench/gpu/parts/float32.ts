/** What the device computes in float32 is what the CPU computes. */
import { differences, STEPS } from '../differences.js';
import { batchOf, subjects } from '../models.js';
import type { Part } from '../part.js';

/**
 * Largest difference over the largest value; of weights, in learning rates after all steps. Sums in another order
 * differ by 1e-6 or so, TF32 and bfloat16 by more than these.
 */
export const BOUNDS = { forward: 1e-4, gradients: 1e-3, norm: 1e-4, weights: 1e-2 };

export const float32: Part = {
  name: 'float32',
  title: 'the device against the CPU, float32',
  kind: 'check',
  seconds: 150,
  async run(check) {
    for (const { name, open, temperature } of subjects(check.scale)) {
      const [cpu, device] = [await open('cpu', 'float32'), await open(check.device, 'float32')];
      const [found] = await differences(cpu, [device], batchOf(cpu, check.scale), temperature);
      const { logits, logps, entropies, worstGradient, gradientNorm, weights } = found!;
      check.atMost(`${name}: logits`, logits.share, BOUNDS.forward);
      check.atMost(`${name}: log-probs`, logps.share, BOUNDS.forward);
      check.atMost(`${name}: entropies`, entropies.share, BOUNDS.forward);
      check.atMost(`${name}: gradients, the worst of all parameters`, worstGradient, BOUNDS.gradients);
      check.atMost(`${name}: norm of the gradients, ${STEPS} steps`, gradientNorm.share, BOUNDS.norm);
      check.atMost(
        `${name}: weights after ${STEPS} steps, in learning rates`,
        weights.largest,
        BOUNDS.weights,
      );
      await Promise.all([cpu.dispose(), device.dispose()]);
    }
  },
};
