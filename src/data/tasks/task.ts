/**
 * What a task is: problems with a prompt and an answer, a reward, a rule that says when an
 * answer is decided, and a held-out split. The built-in tasks and a user's own module
 * implement the same interface.
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
 * Reward of each completion of one step, in order; null where it has nothing to say of one. May be
 * asynchronous.
 */
export type RewardFunction = (completions: Completion[]) => (number | null)[] | Promise<(number | null)[]>;

/**
 * True when nothing that could still be appended to `text` changes the reward.
 * Called with the text of a completion so far, after each token. `drawn` is the same with special tokens, which
 * no reward sees.
 */
export type StopRule = (text: string, problem: Problem, drawn?: string) => boolean;

export interface Task {
  name: string;
  /** Every problem the task has, both splits, in an order that depends on nothing; of millions a part, and always the same one. */
  problems(): Problem[] | Promise<Problem[]>;
  reward: RewardFunction;
  /** Used by `stop: answer`. A task without one has no such rule. */
  stop?: StopRule;
  /** Whether a completion counts as right in an evaluation; by default reward > 0. */
  isCorrect?: (completion: Completion, reward: number) => boolean;
  /** What a completion answers, for displays and for counting equal answers; by default its text, trimmed. */
  extract?: (completion: string, problem: Problem) => string;
  /** Things that a person should know of its problems, such as that they are but a part. */
  notices?: readonly string[];
  /** Of a mixture: the share of problems that each `Problem.task` gets. */
  weights?: Record<string, number>;
}

export type Split = 'train' | 'held_out';
