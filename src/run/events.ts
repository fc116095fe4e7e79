/** What a training run tells while it goes; the terminal, the run folder and a program all listen to this. */
import type { RunMemory } from './forecast/run-memory.js';
import type { Diagnosed, DiagnosisEvent } from './diagnosis/events.js';
import type { TokenDetails } from '../grpo/token-details.js';
import type { Best, EarlyEnd } from './choosing.js';
import type { Evaluation } from './evaluate.js';
import type { Metrics } from '../grpo/metrics.js';
import type { EngineInfo } from '../engine/types.js';
import type { Message } from '../model/message.js';

/** Size of a run, known before the first step. */
export interface TrainPlan {
  /** GRPO, or supervised fine-tuning. */
  kind: 'grpo' | 'sft';
  /** The option `model`. */
  model: string;
  /** Folder that the weights were read from. */
  modelFolder: string;
  /** Architecture, such as `qwen2`. */
  modelType: string;
  /** Weights of the model. */
  parameters: number;
  /** Numbers that learn: these weights, or those of the adapters. */
  trainableParameters: number;
  /** What computes. */
  engine: EngineInfo;
  /** Name of the task. */
  task: string;
  /** Prompt of a held-out problem, or of a training problem where none is held out. */
  examplePrompt: string;
  /** The same as a conversation, where it is one. */
  exampleMessages?: Message[];
  /** Different training problems. */
  trainProblems: number;
  /** Share of an epoch's problems that repeat another, from 0 to 1. */
  repeatedShare: number;
  /** Problems never trained on. */
  heldOutProblems: number;
  /** Held-out problems in an evaluation; 0: they are not asked. */
  evalSamples: number;
  /** Validation problems in an evaluation, which the best weights are chosen by; 0: the run doesn't choose. */
  validationProblems: number;
  /** Optimiser steps of the whole run. */
  steps: number;
  /** Steps taken already, in a resumed or forked run; else 0. */
  startStep: number;
  /** Folder of the run that took them, where a fork begins. */
  forkedFrom?: string;
  /** Prompts of an optimiser step. */
  promptsPerStep: number;
  /** Completions of an optimiser step: `promptsPerStep * numGenerations`. */
  completionsPerStep: number;
  /** Completions of a prompt (the group size). */
  numGenerations: number;
  /** Passes over the training problems. */
  epochs: number;
  /** Weight of the KL penalty; 0: no reference model. */
  beta: number;
  /** What the run takes of memory. */
  memory: RunMemory;
  /** Run folder; undefined: nothing is written. */
  outputDir: string | undefined;
}

/**
 * Time and memory of a run, and whether there is anything to learn: measured on a few rollouts before the first
 * step.
 */
export interface Forecast {
  /** What the run takes of memory. */
  memory: RunMemory;
  /** Bytes at the peak if all steps are like the largest of the first ones; `memory.peak` is the most there can be. */
  expectedPeak: number;
  /** Optimiser steps of the whole run. */
  steps: number;
  /** Seconds of one optimiser step. */
  stepSeconds: number;
  /** Hours of the run, evaluations included. */
  hours: number;
  /** Groups that were sampled, of `numGenerations` completions each, at the run's temperature. */
  groups: number;
  /**
   * Share of the groups whose completions all had the same reward. Their advantages are 0: they teach nothing.
   */
  fracRewardZeroStd: number;
  /** Share of the groups whose completions were all right. */
  fracAllRight: number;
  /** Mean reward of the completions. */
  reward: number;
  /** Share of the completions that were right. */
  accuracy: number;
  /** Mean length of a completion, tokens. */
  meanLength: number;
  /** Share of the completions that reached `maxCompletionLength`. */
  clippedRatio: number;
  /** Whether the run is worth starting. */
  go: boolean;
  /** Why, or why not, in sentences. */
  reasons: string[];
}

/** A completion of a training step, with its reward and advantage. */
export interface JudgedCompletion extends TokenDetails {
  /** Prompt of its problem. */
  prompt: string;
  /** The same as a conversation, where it is one. */
  messages?: Message[];
  /** The right answer. */
  answer: string;
  /** Its text, without special tokens. */
  completion: string;
  /** What it answers, as the task reads it. */
  extracted: string;
  /** Tokens, the end-of-sequence token included. */
  length: number;
  /** What ended it: an end-of-sequence token, the stop rule, or `maxCompletionLength`. */
  ended: 'eos' | 'stop' | 'length';
  /** Its reward; the weighted sum where there are several functions. NaN where none had anything to say. */
  reward: number;
  /** By name of the function, where there are several; NaN: nothing to say. */
  rewards?: Record<string, number>;
  /** What its log-probabilities are weighted with in the loss: above 0 makes it likelier. */
  advantage: number;
  /** How much it counts in the loss, as `estimator` says; absent with `counts`, where each counts 1. */
  weight?: number;
  /** Whether it is right, as the task says. */
  correct: boolean;
}

/** Seconds of each phase of the steps. */
export type Phases = {
  /** Sampling completions. */
  sample: number;
  /** Waiting for reward functions. */
  reward: number;
  /** Scoring with the reference model. */
  reference: number;
  /** Forward, loss and backward. */
  train: number;
  /** Clipping and AdamW. */
  optimizer: number;
};

/** What a run came to: of a resumed run, all of it and not only what followed the last checkpoint. */
export interface TrainSummary {
  /** Optimiser steps taken. */
  steps: number;
  /** Whether `signal` ended the run before its last step. */
  interrupted: boolean;
  /** Seconds of training and evaluating. */
  seconds: number;
  /** Mean reward over the first tenth of the steps; undefined where no step was taken. */
  rewardFirst: number | undefined;
  /** Mean reward over the last tenth of the steps. */
  rewardLast: number | undefined;
  /** Means of all metrics over the last tenth of the steps. */
  metricsLast: Partial<Metrics>;
  /** What the diagnosis found, in the order in which it began. */
  diagnoses: Diagnosed[];
  /** Share of right completions among those sampled in the last tenth of the steps, from 0 to 1. */
  trainAccuracyLast: number | undefined;
  /**
   * Share of the steps with at least one group whose rewards are not all equal: in the others, only the KL
   * penalty moves the weights. Undefined where no step has groups.
   */
  fracInformativeSteps: number | undefined;
  /** Evaluation on held-out problems before the first step; undefined where there was none. */
  before: Evaluation | undefined;
  /**
   * Evaluation on held-out problems after the last step; with `loadBestModelAtEnd` that of the best weights.
   * Undefined where there was none, or the run was interrupted.
   */
  after: Evaluation | undefined;
  /** The best weights by the validation problems; left out where the run doesn't choose, or didn't get to it. */
  best?: Best;
  /** Why the run ended before its last step; left out where it didn't. */
  earlyEnd?: EarlyEnd;
  /** Completion tokens a second of sampling. */
  tokensSampledPerSecond: number;
  /** Distinct tokens forwarded (sampling, reference model, training) a second of step time. */
  tokensComputedPerSecond: number;
  /** Seconds of each phase. */
  phases: Phases;
  /** Weights of the model. */
  parameters: number;
  /** Numbers that learned: these weights, or those of the adapters. */
  trainableParameters: number;
  /** Largest resident size of the process, bytes. */
  peakMemory: number;
  /** Run folder; undefined where nothing was written. */
  outputDir: string | undefined;
  /** Folder of the model after the last step; undefined where it was not written. */
  finalModel: string | undefined;
  /** Folder of the newest checkpoint; undefined where there is none. */
  checkpoint: string | undefined;
}

/** Functions that a run calls. Those that return a promise are waited for; what they throw ends the run. */
export interface TrainCallbacks {
  /** Before the first step: the size of the run. */
  onPlan?: (plan: TrainPlan) => void | Promise<void>;
  /** Before the first step, where the option `probe` asks for it. */
  onForecast?: (forecast: Forecast) => void | Promise<void>;
  /** After each optimiser step. */
  onStep?: (metrics: Metrics) => void | Promise<void>;
  /** After each evaluation on held-out problems; `step` is the steps taken, 0 before training. */
  onEvaluate?: (step: number, evaluation: Evaluation) => void | Promise<void>;
  /** After each evaluation on validation problems, in a run that chooses by them. */
  onValidate?: (step: number, evaluation: Evaluation) => void | Promise<void>;
  /** All completions of a step, group after group, with rewards and advantages. */
  onCompletions?: (step: number, completions: JudgedCompletion[]) => void | Promise<void>;
  /** A finding of the diagnosis begins, worsens or ends. */
  onDiagnosis?: (event: DiagnosisEvent) => void | Promise<void>;
  /** After a checkpoint was written: the steps taken, and its folder. */
  onCheckpoint?: (step: number, path: string) => void | Promise<void>;
  /** A phase begins, such as `sampling` or `evaluating`: for progress displays. */
  onPhase?: (phase: string, step: number) => void;
  /** What a person should know that is no error. */
  onNotice?: (text: string) => void;
}
