/** What a reward function is beside its values: how it reads a completion, and what it calls right. */
import type { z } from 'zod';
import { GrpoError, reasonOf, shown } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import type { Completion, Problem, RewardFunction, StopRule } from '../tasks/task.js';

/** A reward function, and what it knows of completions. */
export interface Reward {
  /** The function. */
  reward: RewardFunction;
  /**
   * Whether a completion is right, given the function's value; absent where the value says nothing of that (of
   * form or length).
   */
  isCorrect?: (completion: Completion, value: number) => boolean;
  /** The answer that it reads in a completion; absent where it reads none. */
  extract?: (completion: string, problem: Problem) => string;
  /** Where its value is decided; null: not before the end. Absent: where the task's rule says. */
  stop?: StopRule | null;
  /**
   * For `check-reward`: a completion that gives an answer in the form that is asked for, made from the answer or
   * from what other rewards made of it; null where none can be made up. Absent: the text as it is.
   */
  write?: (text: string, problem: Problem) => string | null;
  /** For `check-reward`: texts whose reading a person wants to see. */
  spellings?: readonly string[];
}

/** A reward function with its name. */
export interface NamedReward extends Reward {
  /** Its name in metrics: `rewards/NAME/mean`. */
  name: string;
}

/** A reward as options name it: `name`, `name:argument`, a module's path, or `{ name: { option: value } }`. */
export type RewardSpec = string | Record<string, unknown>;

/** What a reward may need beside its options. */
export interface RewardContext {
  /** The problems whose completions it judges; loaded where it asks for them. */
  problems: () => Promise<readonly Problem[]>;
  /** Folder that relative paths start from. */
  folder: string;
}

/** What the makers of rewards by name give: a reward, and what it needs of the problems. */
export interface MadeReward extends Reward {
  /** What keeps it from judging a problem's completions, such as an answer that is no number; undefined: nothing. */
  unfit?: (problem: Problem) => string | undefined;
}

/** A kind of reward that is named in options, with arguments. */
export interface RewardKind {
  /** How it is written, for messages. */
  example: string;
  /**
   * Makes the reward.
   * @param name in messages
   * @param given its options: an object, or the argument alone
   * @throws {GrpoError} BAD_REWARD
   */
  load: (name: string, given: unknown, context: RewardContext) => Promise<MadeReward>;
}

/** Declares a kind of reward. */
export function rewardKind<Shape extends z.ZodRawShape>(kind: {
  example: string;
  options: z.ZodObject<Shape>;
  /** The options that an argument stands for; absent: there is no argument. */
  argument?: (argument: string | unknown[]) => Record<string, unknown>;
  make: (options: z.output<z.ZodObject<Shape>>, context: RewardContext) => MadeReward | Promise<MadeReward>;
}): RewardKind {
  return {
    example: kind.example,
    load: async (name, given, context) => {
      const options = isOptions(given) ? given : undefined;
      if (options === undefined && given !== undefined && given !== null && !kind.argument)
        throw badReward(`${name} takes no argument`, `write ${kind.example}`, given);
      const input =
        options ??
        (given === undefined || given === null
          ? {}
          : kind.argument!(Array.isArray(given) ? given : (given as number | boolean).toString()));
      const parsed = kind.options.safeParse(input);
      if (!parsed.success) throw badOptions(name, kind, parsed.error.issues[0]!, input);
      return kind.make(parsed.data, context);
    },
  };
}

const isOptions = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function badOptions(
  name: string,
  { example, options }: { example: string; options: z.ZodObject },
  issue: z.core.$ZodIssue,
  input: Record<string, unknown>,
): GrpoError {
  const known = Object.keys(options.shape);
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0]! : undefined;
  const option = String(issue.path[0] ?? '');
  const meant = unknown === undefined ? undefined : nearest(unknown, known);
  const what =
    unknown !== undefined
      ? `has no option ${shown(unknown)}${meant ? `: did you mean ${meant}?` : ''}`
      : input[option] === undefined
        ? `needs ${option}`
        : `takes no ${option} of ${shown(input[option])}: ${reasonOf(new Error(issue.message))}`;
  return badReward(
    `${name} ${what}`,
    `write ${example}; its options are ${known.join(', ')} (docs/rewards.md)`,
    unknown ?? input[option],
  );
}

/** An error of a reward's name, argument or options. */
export const badReward = (message: string, fix: string, value: unknown, cause?: unknown): GrpoError =>
  new GrpoError('BAD_REWARD', message, { fix, value, ...(cause !== undefined && { cause }) });
