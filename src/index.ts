/**
 * grpo-native as a library: load a model, sample, score, train.
 *
 *     import { train } from 'grpo-native';
 *     await train({ model: 'tiny', maxSteps: 100 }, { onStep: ({ step, reward }) => console.log(step, reward) });
 */
import './common/check-node.js';

export { GrpoError } from './common/errors.js';

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

export { train } from './experiments/train.js';
export { plan } from './experiments/plan.js';
export type { Forecast } from './run/events.js';
export type { RunMemory } from './run/forecast/run-memory.js';
export { sft } from './run/sft.js';
export { evaluate, type EvaluateOptions, type Evaluation } from './run/evaluate.js';
export type { TrainExtras } from './run/extras.js';
export type { JudgedCompletion, TrainCallbacks, TrainPlan, TrainSummary } from './run/events.js';
export { METRIC_COLUMNS, type MetricName, type Metrics } from './grpo/metrics.js';
export { type SftInput, type SftOptions, type TrainInput, type TrainOptions } from './run/train-options.js';
export { trainOptions } from './experiments/train.js';

export type {
  AdvantageFunction,
  AdvantageOptions,
  MultiObjectiveAggregation,
  RewardedGroups,
  ScaleRewards,
} from './grpo/advantages/types.js';
export { computeAdvantages, type Advantages } from './grpo/advantages/index.js';
export { groupAdvantages } from './grpo/advantages/index.js';
export type { Algorithm } from './grpo/algorithm.js';
export { planBatches, type BatchOptions, type Batches } from './grpo/batches.js';
export { policyLoss } from './grpo/losses/index.js';
export { tokenLoss, type TokenLoss } from './grpo/losses/token-loss.js';
export type {
  LossFunction,
  LossInput,
  LossMetrics,
  LossOptions,
  LossResult,
  LossType,
} from './grpo/losses/types.js';
export { learningRateAt, SCHEDULES, type LrSchedulerType, type ScheduleOptions } from './grpo/schedule.js';
export { wilson } from './common/interval.js';

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
} from './data/tasks/index.js';

export { loadReward, loadRewards, type NamedReward } from './data/rewards/load.js';
export { partialCredit } from './data/rewards/partial-credit.js';

export type {
  Batch,
  DType,
  EngineInfo,
  ModelConfig,
  NativeEngine,
  OptimizerOptions,
  SamplingOptions,
  TokenScores,
} from './engine/types.js';
