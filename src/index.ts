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
  type InitializeOptions,
  type LoadOptions,
  type ModelSnapshot,
  type SampledCompletion,
  type SampleOptions,
  type Samples,
} from './model/language-model.js';
export { LINEAR_LAYERS, type LinearLayer, type Lora } from './model/lora.js';
export { Tokenizer } from './model/tokenizer.js';
export { exportGguf, type ExportedModel, type ExportOptions } from './model/gguf/export.js';
export type { ResolveOptions } from './model/files.js';
export type { GgufDtype } from './model/gguf/numbers.js';
export { downloadDataset, type DatasetDownload, type DownloadedDataset } from './hub/datasets.js';
export type { DownloadOptions, DownloadProgress } from './hub/download.js';
export { ChatTemplate, type ChatTemplateOptions } from './model/chat-template.js';
export type { ChatOptions, Message, Prompt } from './model/message.js';
export type { Saveable, Sampler, Shared, Snapshot, Snapshotable, TrainableModel } from './model/trainable.js';

export { train } from './experiments/train.js';
export { plan, type Planned } from './experiments/plan.js';
export type { Forecast } from './run/events.js';
export type { RunMemory } from './run/forecast/run-memory.js';
export type { MemoryParts } from './run/forecast/memory.js';
export type { Diagnosed, DiagnosisEvent, Level } from './run/diagnosis/events.js';
export { fork, type ForkPoint } from './experiments/fork.js';
export {
  replay,
  type Replay,
  type ReplayedStep,
  type ReplayExtras,
  type ReplayOptions,
} from './run/replay.js';
export type { LossGradient } from './grpo/loss-gradients.js';
export { sft } from './run/sft.js';
export {
  evaluate,
  type Accuracy,
  type EvaluatedCompletion,
  type EvaluateOptions,
  type Evaluation,
} from './run/evaluate.js';
export type { Best, EarlyEnd } from './run/choosing.js';
export type { TrainExtras } from './run/extras.js';
export type { Ranks } from './engine/ranks/ranks.js';
export type { JudgedCompletion, Phases, TrainCallbacks, TrainPlan, TrainSummary } from './run/events.js';
export { METRIC_COLUMNS, type MetricName, type Metrics, type RunMetricName } from './grpo/metrics.js';
export type { TokenDetails } from './grpo/token-details.js';
export type { SftInput, SftOptions, StopOption, TrainInput, TrainOptions } from './run/train-options.js';
export { trainOptions } from './experiments/train.js';

export type {
  AdvantageFunction,
  AdvantageOptions,
  Baseline,
  MultiObjectiveAggregation,
  RewardedGroups,
  ScaleRewards,
} from './grpo/advantages/types.js';
export type { DrawnGroups, EstimatorName } from './grpo/estimators/types.js';
export type { ProblemSampling } from './grpo/problem-sampling/types.js';
export { computeAdvantages, type Advantages } from './grpo/advantages/index.js';
export { groupAdvantages } from './grpo/advantages/index.js';
export type { Algorithm, OwnLossFunction } from './grpo/algorithm.js';
export { planBatches, type BatchOptions, type Batches, type Stage } from './grpo/batches.js';
export { policyLoss } from './grpo/losses/index.js';
export { tokenLoss, type TokenLoss } from './grpo/losses/token-loss.js';
export type { LossTypeMetrics, SeenCompletion } from './grpo/losses/clip-ratios.js';
export type { Sizes, TokenWeight } from './grpo/losses/weights.js';
export type {
  CompletionRatios,
  EntropySum,
  ImportanceSamplingLevel,
  LossFunction,
  LossInput,
  LossMetrics,
  LossOptions,
  LossResult,
  LossType,
  Surrogate,
  Term,
} from './grpo/losses/types.js';
export { learningRateAt, SCHEDULES, type LrSchedulerType, type ScheduleOptions } from './grpo/schedule.js';
export { wilson, type Interval } from './common/interval.js';

export {
  loadDataset,
  loadDatasetTask,
  loadSplit,
  loadTask,
  splitOf,
  TASK_NAMES,
  type Completion,
  type CurriculumStage,
  type Dataset,
  type DatasetExtras,
  type DatasetOptions,
  type DatasetSource,
  type DatasetStage,
  type DatasetTaskOptions,
  type Problem,
  type RewardFunction,
  type SourceFile,
  type Split,
  type StageOptions,
  type StopRule,
  type Task,
  type TaskOptions,
} from './data/tasks/index.js';

export { loadReward, loadRewards } from './data/rewards/load.js';
export type { NamedReward, Reward, RewardSpec } from './data/rewards/types.js';
export { partialCredit } from './data/rewards/partial-credit.js';

export type {
  Batch,
  DType,
  DeviceMemory,
  Bfloat16Info,
  EngineInfo,
  MemoryReport,
  ModelConfig,
  LoraConfig,
  NamedTensor,
  NativeEngine,
  OptimizerOptions,
  Parameter,
  SampledPosition,
  SampleRequest,
  SamplingOptions,
  TensorKind,
  TensorLocation,
  TensorSnapshot,
  TokenScores,
} from './engine/types.js';
