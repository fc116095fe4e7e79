/**
 * The interface of a task: problems with a prompt and an answer, a reward function, and a stop rule. The
 * built-in tasks and those of users' modules implement the same interface.
 */

export interface Problem {
  prompt: string;
  answer: string;
  /** Which task it came from, where several are mixed. */
  task?: string;
}

/** One completion to be judged. */
export interface Completion {
  prompt: string;
  completion: string;
  answer: string;
  problem: Problem;
}

/**
 * Gives the reward of each completion of a step, in order; null: no reward for this completion, which the
 * function then has no part in. May be asynchronous.
 */
export type RewardFunction = (completions: Completion[]) => (number | null)[] | Promise<(number | null)[]>;

/**
 * A stop rule: true when no further token could change the reward, so that the completion can end. It is
 * called after each token with the text of the completion so far. `drawn` is that text with special tokens,
 * which no reward sees.
 */
export type StopRule = (text: string, problem: Problem, drawn?: string) => boolean;

export interface Task {
  name: string;
  /**
   * All problems of the task, of both splits, always in the same order; of millions a part, always the same
   * one.
   */
  problems(): Problem[] | Promise<Problem[]>;
  reward: RewardFunction;
  /** The stop rule of `stop: answer`; without one, that option has no effect. */
  stop?: StopRule;
  /** Whether a completion counts as right in an evaluation; by default reward > 0. */
  isCorrect?: (completion: Completion, reward: number) => boolean;
  /**
   * Extracts the answer from a completion, for display and for counting equal answers; by default the trimmed
   * text.
   */
  extract?: (completion: string, problem: Problem) => string;
  /** Things that the user should know about the problems, such as that they are only a sample. */
  notices?: readonly string[];
  /** The weight of each `Problem.task` of a mixture. */
  weights?: Record<string, number>;
}

export type Split = 'train' | 'held_out';
