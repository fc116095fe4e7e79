/** First stage: the options that every stage after it reads, of `train` and of `sft` alike. */
import type { DatasetTaskOptions } from '../../data/tasks/index.js';
import type { ChoosingOptions } from '../choosing.js';
import type { TrainExtras } from '../extras.js';
import { checkTrackers } from '../trackers/tracked.js';
import type { SftOptions, TrainOptions } from '../train-options.js';

export type StageOptions = Pick<
  TrainOptions & SftOptions,
  | 'model'
  | 'device'
  | 'dtype'
  | 'threads'
  | 'maxMemory'
  | 'task'
  | 'taskWeights'
  | 'maxOperand'
  | 'operations'
  | keyof DatasetTaskOptions
  | 'reward'
  | 'rewardTimeout'
  | 'chat'
  | 'systemPrompt'
  | 'chatTemplatePath'
  | 'chatTemplateKwargs'
  | 'usePeft'
  | 'loraR'
  | 'loraAlpha'
  | 'loraTargetModules'
  | 'useRslora'
  | 'seed'
  | 'trainSamples'
  | 'uniqueSamples'
  | 'evalSamples'
  | 'maxCompletionLength'
  | 'stop'
  | 'outputDir'
  | 'resume'
  | 'saveSteps'
  | 'reportTo'
  | 'runName'
> &
  Partial<
    Pick<
      TrainOptions,
      | 'curriculum'
      | 'rewardWeights'
      | 'preset'
      | 'algorithm'
      | 'initFrom'
      | 'forkFrom'
      | 'beta'
      | 'syncRefModel'
      | keyof ChoosingOptions
    >
  >;

/**
 * What is wrong with the options is known when they are resolved (`config/load.ts`), but for what they need of
 * the environment.
 * @throws {GrpoError} TRACKER_SETUP
 */
export function optionsStage({ reportTo }: StageOptions, { save }: TrainExtras): void {
  checkTrackers(reportTo, save !== false);
}
