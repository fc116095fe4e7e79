/** AdamW in float64, from Loshchilov and Hutter 2019 and torch's documentation: apart from the engine's own. */
import type { OptimizerOptions } from '../../src/engine/types.js';
import { norm } from './numbers.js';

export class PlainAdamW {
  #steps = 0;
  readonly #averages = new Map<string, { mean: Float64Array; square: Float64Array }>();

  constructor(readonly weights: Map<string, Float64Array>) {}

  /** Clips, then updates `weights` in place; gives the norm before clipping. */
  step(gradients: Map<string, ArrayLike<number>>, options: OptimizerOptions): number {
    const { learningRate: rate, beta1, beta2, eps, weightDecay, noWeightDecay, maxGradNorm } = options;
    const total = norm([...gradients.values()].map(norm));
    const scale = maxGradNorm > 0 ? Math.min(1, maxGradNorm / (total + 1e-6)) : 1;
    const t = ++this.#steps;
    for (const [name, weight] of this.weights) {
      const { mean, square } = this.#averagesOf(name, weight.length);
      const gradient = gradients.get(name)!;
      const decay = noWeightDecay.includes(name) ? 0 : weightDecay;
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i]! * scale;
        mean[i] = beta1 * mean[i]! + (1 - beta1) * g;
        square[i] = beta2 * square[i]! + (1 - beta2) * g * g;
        const unbiased = Math.sqrt(square[i]! / (1 - beta2 ** t)) + eps;
        weight[i] = weight[i]! * (1 - rate * decay) - (rate * (mean[i]! / (1 - beta1 ** t))) / unbiased;
      }
    }
    return total;
  }

  #averagesOf(name: string, length: number) {
    let own = this.#averages.get(name);
    if (!own) {
      own = { mean: new Float64Array(length), square: new Float64Array(length) };
      this.#averages.set(name, own);
    }
    return own;
  }
}
