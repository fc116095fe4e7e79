/** AdamW's options as the engine takes them, from those of a run and what this step adds. */
import type { GrpoOptions } from './options.js';
import type { OptimizerOptions } from '../engine/types.js';

type AdamOptions = Pick<
  GrpoOptions,
  'adamBeta1' | 'adamBeta2' | 'adamEpsilon' | 'weightDecay' | 'maxGradNorm'
>;

export function optimizerOptions(
  options: AdamOptions,
  step: Pick<OptimizerOptions, 'learningRate' | 'noWeightDecay'>,
): OptimizerOptions {
  return {
    ...step,
    beta1: options.adamBeta1,
    beta2: options.adamBeta2,
    eps: options.adamEpsilon,
    weightDecay: options.weightDecay,
    maxGradNorm: options.maxGradNorm,
  };
}
