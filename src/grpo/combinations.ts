/** Options that don't go together: combinations that TRL refuses are errors, the others give a notice. */
import { GrpoError } from '../common/errors.js';
import type { GrpoOptions } from './options.js';
import { checkSchedule } from './schedule.js';

/**
 * @param rewards number of reward functions
 * @param adapters whether adapters learn in place of the weights
 * @returns notices: things that the user should know and that are not errors
 * @throws {GrpoError} BAD_COMBINATION, BAD_OPTION, before any work starts
 */
export function checkCombinations(options: GrpoOptions, rewards: number, adapters = false): string[] {
  const { beta, lossType, importanceSamplingLevel: level, rewardWeights, syncRefModel } = options;
  checkSchedule(options);
  if (syncRefModel && beta === 0)
    refuse('sync_ref_model is true and beta is 0: there is no reference model to synchronise', {
      fix: 'set sync_ref_model to false, or beta above 0',
      value: beta,
    });
  if (syncRefModel && adapters)
    refuse('sync_ref_model is true and use_peft too: the reference of adapters is the model without them', {
      fix: 'set sync_ref_model to false, or use_peft to false',
      value: syncRefModel,
    });
  if (rewardWeights !== null && rewardWeights.length !== rewards)
    refuse(`reward_weights has ${rewardWeights.length} numbers for ${rewards} reward functions`, {
      fix: 'give one weight for each reward, in their order',
      value: rewardWeights,
    });
  if (options.entropyCoefMin > options.entropyCoefMax)
    refuse(
      `entropy_coef_min (${options.entropyCoefMin}) is above entropy_coef_max (${options.entropyCoefMax})`,
      { fix: 'set entropy_coef_min to at most entropy_coef_max', value: options.entropyCoefMin },
    );

  if (options.klEstimator === 'exact' && options.useBiasCorrectionKl)
    refuse('use_bias_correction_kl mends the k3 estimate of the KL, and kl_estimator exact has none', {
      fix: 'set use_bias_correction_kl to false, or kl_estimator to k3',
      value: options.klEstimator,
    });

  checkEstimator(options);

  const notices: string[] = [];
  if (lossType === 'luspo' && level !== 'sequence')
    notices.push('luspo is meant for importance_sampling_level sequence, as in its paper.');
  if (lossType === 'vespo' && level !== 'token')
    notices.push(
      'vespo weighs whole completions already: importance_sampling_level sequence changes only its KL.',
    );
  if (level === 'sequence' && ['bnpo', 'dr_grpo', 'dapo', 'cispo'].includes(lossType))
    notices.push(
      `with importance_sampling_level sequence, ${lossType} weighs a completion by its length; the GSPO paper uses loss_type grpo.`,
    );
  if (options.numIterations === 1 && (options.stepsPerGeneration ?? 0) <= options.gradientAccumulationSteps)
    notices.push(...withoutEffect(options));
  return notices;
}

/** Notices about options that have an effect only where the policy differs from the one that sampled. */
function withoutEffect({ delta, offPolicyMaskThreshold, importanceSamplingLevel }: GrpoOptions): string[] {
  const set = [
    ...(delta === null ? [] : ['delta']),
    ...(offPolicyMaskThreshold === null ? [] : ['off_policy_mask_threshold']),
    ...(importanceSamplingLevel === 'token' ? [] : ['importance_sampling_level']),
  ];
  if (set.length === 0) return [];
  return [
    `${set.join(' and ')} changes nothing here: each completion is learned from once, by the policy that sampled it. Set num_iterations or steps_per_generation above 1 for it to take effect.`,
  ];
}

/** Estimators that take draws for the policy's own, and methods that take the whole policy: `exact` takes any. */
function checkEstimator(options: GrpoOptions): void {
  const { estimator, samplingMethod: method, temperature, samplingTemperature, samplingCoverage } = options;
  if (method !== 'independent' && estimator !== 'exact')
    refuse(
      `estimator ${estimator} weighs completions by how often they are drawn, and sampling_method ${method} gives each once`,
      { fix: 'set estimator to exact, or sampling_method to independent', value: estimator },
    );
  if (samplingCoverage < 1 && method !== 'most_probable')
    refuse(`sampling_coverage ${samplingCoverage} changes nothing with sampling_method ${method}`, {
      fix: 'set sampling_method to most_probable, or leave sampling_coverage out',
      value: samplingCoverage,
    });
  if (samplingTemperature !== null && samplingTemperature !== temperature) {
    if (method === 'most_probable')
      refuse(
        `sampling_temperature ${samplingTemperature} is one of draws, and sampling_method most_probable draws nothing`,
        { fix: 'leave sampling_temperature out', value: samplingTemperature },
      );
    if (estimator !== 'exact')
      refuse(
        `sampling_temperature ${samplingTemperature} and temperature ${temperature} differ, and estimator ${estimator} takes draws for the policy's own`,
        { fix: 'set estimator to exact, or leave sampling_temperature out', value: samplingTemperature },
      );
  }
  const filters = filtersOf(options);
  if (filters.length === 0) return;
  if (method !== 'independent')
    refuse(
      `sampling_method ${method} takes completions of the whole policy, which ${filters.join(' and ')} changes`,
      {
        fix: `leave ${filters.join(' and ')} out, or set sampling_method to independent`,
        value: method,
      },
    );
  // (With counts, that is what TRL does.)
  if (estimator !== 'counts' && estimator !== 'exact')
    refuse(
      `estimator ${estimator} takes draws for the policy's own, which ${filters.join(' and ')} changes`,
      {
        fix: `set estimator to exact or counts, or leave ${filters.join(' and ')} out`,
        value: estimator,
      },
    );
}

/** Names of the options that keep tokens from being drawn by the policy's probabilities. */
const filtersOf = (options: GrpoOptions): string[] => [
  ...(options.topK > 0 ? ['top_k'] : []),
  ...(options.topP < 1 ? ['top_p'] : []),
  ...(options.minP > 0 ? ['min_p'] : []),
  ...(options.repetitionPenalty !== 1 ? ['repetition_penalty'] : []),
];

function refuse(message: string, options: { fix: string; value: unknown }): never {
  throw new GrpoError('BAD_COMBINATION', message, options);
}
