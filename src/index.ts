/**
 * grpo-native as a library: load a model, sample, score, train.
 *
 *     import { train } from 'grpo-native';
 *     await train({ model: 'tiny', maxSteps: 100 }, { onStep: ({ step, reward }) => console.log(step, reward) });
 */
import './check-node.js';

export { GrpoError } from './errors.js';

export {
  LanguageModel,
  type LoadOptions,
  type SampledCompletion,
  type SampleOptions,
  type Samples,
} from './model/language-model.js';
export { Tokenizer } from './model/tokenizer.js';
export type { DownloadProgress } from './model/download.js';
export type { Sampler, TrainableModel } from './model/trainable.js';

export { train } from './grpo/trainer.js';
export { plan } from './plan/plan.js';
export type { Forecast } from './plan/forecast.js';
export type { RunMemory } from './plan/run-memory.js';
export { sft } from './grpo/sft.js';
export { evaluate, type EvaluateOptions, type Evaluation } from './grpo/evaluate.js';
export type { TrainExtras } from './grpo/prepare.js';
export type { JudgedCompletion, TrainCallbacks, TrainPlan, TrainSummary } from './grpo/events.js';
export { METRIC_COLUMNS, type MetricName, type Metrics } from './run/metrics.js';
export {
  trainOptions,
  type SftInput,
  type SftOptions,
  type TrainInput,
  type TrainOptions,
} from './config/train-options.js';

export {
  computeAdvantages,
  type AdvantageOptions,
  type Advantages,
  type MultiObjectiveAggregation,
  type ScaleRewards,
} from './grpo/advantages.js';
export {
  policyLoss,
  type LossInput,
  type LossMetrics,
  type LossOptions,
  type LossResult,
  type LossType,
} from './grpo/losses/index.js';
export { learningRateAt, SCHEDULES, type LrSchedulerType, type ScheduleOptions } from './grpo/schedule.js';
export { wilson } from './grpo/interval.js';

export {
  loadDataset,
  loadSplit,
  loadTask,
  splitOf,
  TASK_NAMES,
  type Completion,
  type Dataset,
  type DatasetOptions,
  type Problem,
  type RewardFunction,
  type Split,
  type StopRule,
  type Task,
  type TaskOptions,
} from './tasks/index.js';

export { loadReward, loadRewards, type NamedReward } from './rewards/load.js';
export { partialCredit } from './rewards/partial-credit.js';

export type {
  Batch,
  DType,
  EngineInfo,
  ModelConfig,
  NativeEngine,
  OptimizerOptions,
  SamplingOptions,
  TokenScores,
} from './native/types.js';
