/** What a training run tells while it goes; the terminal, the run folder and a program all listen to this. */
import type { RunMemory } from './forecast/run-memory.js';
import type { Diagnosed, DiagnosisEvent } from './diagnosis/events.js';
import type { TokenDetails } from '../grpo/token-details.js';
import type { Evaluation } from './evaluate.js';
import type { Metrics } from '../grpo/metrics.js';
import type { EngineInfo } from '../engine/types.js';

/** Known before the first step. */
export interface TrainPlan {
  kind: 'grpo' | 'sft';
  model: string;
  /** Folder the weights were read from. */
  modelFolder: string;
  modelType: string;
  parameters: number;
  engine: EngineInfo;
  task: string;
  /** Of a problem that is held out, or else learned from. */
  examplePrompt: string;
  /** Different ones. */
  trainProblems: number;
  /** Share of an epoch's problems that repeat another. */
  repeatedShare: number;
  heldOutProblems: number;
  /** Problems in an evaluation; 0: no evaluation. */
  evalSamples: number;
  steps: number;
  /** Steps taken already, in a resumed run. */
  startStep: number;
  promptsPerStep: number;
  completionsPerStep: number;
  numGenerations: number;
  epochs: number;
  beta: number;
  memory: RunMemory;
  /** Where everything is written; undefined: nowhere. */
  outputDir: string | undefined;
}

/** What a run will be like, told before its first step. */
export interface Forecast {
  memory: RunMemory;
  steps: number;
  /** Of one step. */
  stepSeconds: number;
  /** Of the run, evaluations included. */
  hours: number;
  /** Of the groups that were sampled: of each, `numGenerations` completions at the run's temperature. */
  groups: number;
  /** Share of them in which all completions had the same reward: these teach nothing. */
  fracRewardZeroStd: number;
  /** Share of them in which all were right. */
  fracAllRight: number;
  /** Means over the completions. */
  reward: number;
  accuracy: number;
  meanLength: number;
  /** Share that ran into `maxCompletionLength`. */
  clippedRatio: number;
  /** Whether the run is worth starting. */
  go: boolean;
  reasons: string[];
}

export interface JudgedCompletion extends TokenDetails {
  prompt: string;
  answer: string;
  completion: string;
  /** What it answers, as the task reads it. */
  extracted: string;
  /** Tokens, the end-of-sequence token included. */
  length: number;
  ended: 'eos' | 'stop' | 'length';
  /** Weighted sum, where there are several functions. */
  reward: number;
  /** Of each function, where there are several; NaN: nothing to say. */
  rewards?: Record<string, number>;
  advantage: number;
  correct: boolean;
}

/** Known after the last step. */
export interface TrainSummary {
  steps: number;
  interrupted: boolean;
  /** Seconds of training over all sittings, evaluations included. As all that follows, it is of the whole run, however often it was resumed. */
  seconds: number;
  /** Mean reward over the first and the last tenth of the steps. */
  rewardFirst: number | undefined;
  rewardLast: number | undefined;
  /** Means of all metrics over that last tenth: a single step jumps with its few prompts. */
  metricsLast: Partial<Metrics>;
  /** What was noticed on the way, in the order in which it began. */
  diagnoses: Diagnosed[];
  /** Share of right answers among the completions sampled in the last tenth. */
  trainAccuracyLast: number | undefined;
  before: Evaluation | undefined;
  after: Evaluation | undefined;
  /** Per second of sampling. */
  tokensSampledPerSecond: number;
  /** Distinct tokens forwarded in sampling, reference and training, a second of step time. */
  tokensComputedPerSecond: number;
  /** Seconds of each phase. */
  phases: { sample: number; reward: number; reference: number; train: number; optimizer: number };
  /** Of the model. */
  parameters: number;
  /** Bytes: the process at its largest. */
  peakMemory: number;
  outputDir: string | undefined;
  finalModel: string | undefined;
  checkpoint: string | undefined;
}

export interface TrainCallbacks {
  onPlan?: (plan: TrainPlan) => void | Promise<void>;
  /** Before the first step, where `probe` asks for it. */
  onForecast?: (forecast: Forecast) => void | Promise<void>;
  /** After each optimiser step. */
  onStep?: (metrics: Metrics) => void | Promise<void>;
  /** `step` 0: before training. */
  onEvaluate?: (step: number, evaluation: Evaluation) => void | Promise<void>;
  /** All completions of a step, with their rewards. */
  onCompletions?: (step: number, completions: JudgedCompletion[]) => void | Promise<void>;
  /** Something begins, worsens or ends. */
  onDiagnosis?: (event: DiagnosisEvent) => void | Promise<void>;
  onCheckpoint?: (step: number, path: string) => void | Promise<void>;
  /** What goes on now, for a progress display: `sampling`, `evaluating`, ... */
  onPhase?: (phase: string, step: number) => void;
  /** Things a person should know that are not errors. */
  onNotice?: (text: string) => void;
}
