/** Calls a reward function, checks what it returns, and finds the completion that it fails at. */
import { inspect } from 'node:util';
import { GrpoError } from '../../common/errors.js';
import type { Completion, RewardFunction } from '../tasks/task.js';
import { TOO_LATE, withTimeLimit } from './time-limit.js';

export interface JudgeContext {
  /** Optimiser step, for messages. */
  step?: number | undefined;
  /** Name of the reward or the task it belongs to, for messages. */
  name?: string | undefined;
  /** Seconds that the reward function may take; 0: no limit. */
  timeout?: number | undefined;
  /**
   * When it is aborted, the reward is not waited for any more, and its errors are not reported as faults of
   * the reward.
   */
  signal?: AbortSignal | undefined;
}

/** What is wrong with the result of a reward function. */
interface Fault {
  code: 'REWARD_FAILED' | 'REWARD_COUNT' | 'REWARD_NOT_FINITE' | 'REWARD_TIMEOUT';
  what: string;
  fix: string;
  value?: unknown;
  /** Index of the completion at fault, where the result shows it. */
  at?: number;
}

/** Seconds that a search for the completion at fault may take where nothing else limits it. */
const SEARCH_SECONDS = 10;

/**
 * The rewards of `completions`, in order; NaN where the function returns null.
 * @throws {GrpoError} REWARD_FAILED, REWARD_COUNT, REWARD_NOT_FINITE or REWARD_TIMEOUT, with the completion
 *   at fault. Where the result does not show which it is, each completion is judged alone until one fails
 */
export async function judge(
  reward: RewardFunction,
  completions: Completion[],
  context: JudgeContext = {},
): Promise<number[]> {
  const limit = context.timeout ? context.timeout : Infinity;
  const result = await callReward(reward, completions, limit, context);
  if (Array.isArray(result)) return result;

  const at = result.at ?? (await findFault(reward, completions, limit, context));
  const where =
    at === undefined
      ? `; none of the ${completions.length} completions causes it alone, the first is ${quote(completions[0])}`
      : result.code === 'REWARD_NOT_FINITE'
        ? ` to ${quote(completions[at])}`
        : `; ${completions.length === 1 ? 'the completion is' : 'this one alone causes it:'} ${quote(completions[at])}`;
  throw new GrpoError(result.code, `${rewardName(context)} ${result.what}${where}`, {
    fix: result.fix,
    value: result.value,
    ...(result.value instanceof Error && { cause: result.value }),
    exitCode: 1,
  });
}

/** How messages name the reward function. */
const rewardName = ({ name, step }: JudgeContext): string =>
  (name ? `the reward of ${name}` : 'the reward function') + (step === undefined ? '' : ` at step ${step}`);

/**
 * Index of the first completion that causes a fault alone; undefined where none is found within the time
 * limit.
 */
async function findFault(
  reward: RewardFunction,
  completions: Completion[],
  limit: number,
  context: JudgeContext,
): Promise<number | undefined> {
  if (completions.length === 1) return 0;
  // At least one of them takes more than its share of what all took.
  const share = Math.min(limit, SEARCH_SECONDS) / completions.length;
  for (const [i, completion] of completions.entries())
    if (!Array.isArray(await callReward(reward, [completion], share, context))) return i;
  return undefined;
}

/** @param limit seconds */
async function callReward(
  reward: RewardFunction,
  completions: Completion[],
  limit: number,
  context: JudgeContext,
): Promise<number[] | Fault> {
  try {
    // Frozen, since rewards belong to completions by order: a function that sorts its list in place must fail.
    const list = Object.freeze(completions.map((one) => ({ ...one }))) as Completion[];
    const rewards = await unlessAborted(
      context.signal,
      withTimeLimit(limit * 1000, rewardName(context), () => reward(list)),
    );
    return checkRewards(rewards, completions.length);
  } catch (cause) {
    if (cause instanceof GrpoError || context.signal?.aborted) throw cause;
    if (cause === TOO_LATE)
      return {
        code: 'REWARD_TIMEOUT',
        what: `took longer than ${limit.toFixed(limit < 1 ? 3 : 0)} s`,
        fix: 'mend the reward function, or give it more time: --reward-timeout (0: no limit)',
        value: limit,
      };
    return {
      code: 'REWARD_FAILED',
      what: `threw: ${cause instanceof Error ? cause.message : String(cause)}`,
      fix: changesTheList(cause)
        ? 'sort or change a copy, such as [...completions], and return rewards in the order of the list that was given'
        : 'mend the reward function; check-reward tries it on right, wrong, empty and odd completions',
      value: cause,
    };
  }
}

/** Whether an error is one that V8 throws where a frozen list is changed. */
const changesTheList = (cause: unknown): boolean =>
  cause instanceof TypeError &&
  /read only property '\d+' of object '\[object Array\]'|object is not extensible|Cannot delete property/.test(
    cause.message,
  );

/** The result of the reward function, unless the signal is aborted first; its result is then ignored. */
async function unlessAborted<T>(signal: AbortSignal | undefined, result: Promise<T>): Promise<T> {
  if (!signal || signal.aborted) return result;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, fail) => {
    stop = () =>
      fail(new GrpoError('ABORTED', 'the reward was aborted', { fix: 'start it again', exitCode: 1 }));
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    signal.removeEventListener('abort', stop!);
  }
}

/** Checks that there is a number or null for each completion. */
function checkRewards(rewards: unknown, count: number): number[] | Fault {
  const fix = 'return an array with one number for each completion, in their order';
  if (!isList(rewards))
    return {
      code: 'REWARD_COUNT',
      what: `returned ${rewards === null ? 'null' : typeof rewards}, not a list of numbers`,
      fix,
      value: rewards,
    };
  const list = Array.from(rewards);
  if (list.length !== count)
    return {
      code: 'REWARD_COUNT',
      what: `returned ${list.length} values for ${count} completion${count === 1 ? '' : 's'}`,
      fix,
      value: list.length,
    };
  const at = list.findIndex(
    (value) => value !== null && (typeof value !== 'number' || !Number.isFinite(value)),
  );
  if (at < 0) return list.map((value) => (value as number | null) ?? NaN);
  return {
    code: 'REWARD_NOT_FINITE',
    what: `gave ${inspect(list[at], { breakLength: Infinity, depth: 1 })}`,
    fix: 'return a finite number for every completion, for those that cannot be judged too',
    value: list[at],
    at,
  };
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function quote(completion: Completion | undefined): string {
  if (!completion) return 'none';
  const text = JSON.stringify(completion.completion);
  return `${text.length > 80 ? `${text.slice(0, 77)}..."` : text} to ${JSON.stringify(completion.prompt)}`;
}
