/** The options of AdamW in the form that the engine takes. */
import type { GrpoOptions } from './options.js';
import type { OptimizerOptions } from '../engine/types.js';

type AdamOptions = Pick<
  GrpoOptions,
  'adamBeta1' | 'adamBeta2' | 'adamEpsilon' | 'weightDecay' | 'maxGradNorm'
>;

/** @param step what differs from step to step: the learning rate, and the weights without decay */
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
