/**
 * The interface of a task: problems with a prompt and an answer, a reward function, and a stop rule. The
 * built-in tasks and those of users' modules implement the same interface.
 */
import type { Prompt } from '../../model/message.js';
import type { DatasetSource } from '../datasets/source.js';

/** A problem: a prompt with its right answer. */
export interface Problem extends Prompt {
  /** Text that the model continues; identifies the problem. Of a conversation: its text for display. */
  prompt: string;
  /** The right answer. */
  answer: string;
  /** Name of the task that it came from, where several are mixed. */
  task?: string;
  /** The split that its dataset puts it in; absent: the hash of its prompt decides. */
  split?: 'train' | 'held_out';
  /** All columns of its row in the dataset, for reward functions that need more than the answer. */
  columns?: Record<string, unknown>;
}

/** A completion to be judged. */
export interface Completion {
  /** Prompt of its problem. */
  prompt: string;
  /** Its text, without special tokens. */
  completion: string;
  /** The right answer. */
  answer: string;
  /** Its problem. */
  problem: Problem;
}

/**
 * Judges the completions of a step.
 *
 * @returns one number for each completion, in order; null where there is nothing to say of one. May be a
 * promise
 */
export type RewardFunction = (completions: Completion[]) => (number | null)[] | Promise<(number | null)[]>;

/**
 * Ends a completion early: true when nothing that could still be appended to `text` changes its reward. Called
 * after each token with the text so far; `drawn` is the same with special tokens.
 */
export type StopRule = (text: string, problem: Problem, drawn?: string) => boolean;

/**
 * A task: problems, and how completions are judged. Tasks of your own are objects of this form, given to
 * `train` as `extras.task` or default-exported from a module (`--task ./my-task.ts`).
 *
 * @example
 * ```ts
 * const doubling: Task = {
 *   name: 'doubling',
 *   problems: () => Array.from({ length: 100 }, (_, n) => ({ prompt: `Double of ${n}: `, answer: `${2 * n}` })),
 *   reward: (completions) => completions.map((c) => (c.completion.trim().startsWith(c.answer) ? 1 : -1)),
 * };
 * ```
 */
export interface Task {
  /** Names it in metrics and folders. */
  name: string;
  /**
   * Every problem of both splits, in an order that depends on nothing. One in five, by its text, is held out.
   */
  problems(): Problem[] | Promise<Problem[]>;
  /** Judges completions. */
  reward: RewardFunction;
  /** Ends a completion where its answer is decided: the option `stop: answer`. */
  stop?: StopRule;
  /** Whether a completion counts as right in accuracies; by default where its reward is above 0. */
  isCorrect?: (completion: Completion, reward: number) => boolean;
  /**
   * Extracts the answer from a completion, for display and for counting equal answers; by default the trimmed
   * text.
   */
  extract?: (completion: string, problem: Problem) => string;
  /** What a person should know of its problems. */
  notices?: readonly string[];
  /** Of a mixture: share of problems by `Problem.task`. */
  weights?: Record<string, number>;
  /** Where its problems were read from: `env.json` records it, and a run goes on with the same alone. */
  source?: DatasetSource;
}

/**
 * Problems that are trained on, those held out for evaluation, or those that a run chooses its best weights by
 * (which are trained on in a run that doesn't choose).
 */
export type Split = 'train' | 'held_out' | 'validation';
