/** Calls a reward function, believes nothing it returns, and finds the completion that it fails at. */
import { inspect } from 'node:util';
import { GrpoError } from '../../common/errors.js';
import type { Completion, RewardFunction } from '../tasks/task.js';
import { TOO_LATE, within } from './time-limit.js';

export interface JudgeContext {
  /** Optimiser step, for messages. */
  step?: number | undefined;
  /** Name of the reward or the task it belongs to, for messages. */
  name?: string | undefined;
  /** Seconds it may take; 0: as long as it likes. */
  timeout?: number | undefined;
  /** Nobody waits for the reward any more when it says so, and what fails because of it is no fault of the reward. */
  signal?: AbortSignal | undefined;
}

/** What is wrong with an answer. */
interface Fault {
  code: 'REWARD_FAILED' | 'REWARD_COUNT' | 'REWARD_NOT_FINITE' | 'REWARD_TIMEOUT';
  what: string;
  fix: string;
  value?: unknown;
  /** Index of the completion that shows it, where the answer tells. */
  at?: number;
}

/** Seconds that a search for the completion at fault may take where nothing else limits it. */
const SEARCH_SECONDS = 10;

/**
 * Rewards of `completions`, in order; NaN where the function has nothing to say of one (null).
 * @throws {GrpoError} REWARD_FAILED, REWARD_COUNT, REWARD_NOT_FINITE or REWARD_TIMEOUT, with the completion
 *   that did it: where the answer doesn't tell, each is judged alone until one fails
 */
export async function judge(
  reward: RewardFunction,
  completions: Completion[],
  context: JudgeContext = {},
): Promise<number[]> {
  const limit = context.timeout ? context.timeout : Infinity;
  const answer = await ask(reward, completions, limit, context);
  if (Array.isArray(answer)) return answer;

  const at = answer.at ?? (await culprit(reward, completions, limit, context));
  const where =
    at === undefined
      ? `; alone none of the ${completions.length} completions brings it about, the first is ${quote(completions[0])}`
      : answer.code === 'REWARD_NOT_FINITE'
        ? ` to ${quote(completions[at])}`
        : `; ${completions.length === 1 ? 'the completion is' : 'it does so with this one alone:'} ${quote(completions[at])}`;
  throw new GrpoError(answer.code, `${whoOf(context)} ${answer.what}${where}`, {
    fix: answer.fix,
    value: answer.value,
    ...(answer.value instanceof Error && { cause: answer.value }),
    exitCode: 1,
  });
}

const whoOf = ({ name, step }: JudgeContext): string =>
  (name ? `the reward of ${name}` : 'the reward function') + (step === undefined ? '' : ` at step ${step}`);

/** The first completion that alone brings a fault about, as far as it is found in as much time again. */
async function culprit(
  reward: RewardFunction,
  completions: Completion[],
  limit: number,
  context: JudgeContext,
): Promise<number | undefined> {
  if (completions.length === 1) return 0;
  // At least one of them takes more than its share of what all took.
  const share = Math.min(limit, SEARCH_SECONDS) / completions.length;
  for (const [i, completion] of completions.entries())
    if (!Array.isArray(await ask(reward, [completion], share, context))) return i;
  return undefined;
}

/** @param limit seconds */
async function ask(
  reward: RewardFunction,
  completions: Completion[],
  limit: number,
  context: JudgeContext,
): Promise<number[] | Fault> {
  try {
    // Rewards belong to completions by their order: a reward that sorts its list in place must fail, not go on.
    const list = Object.freeze(completions.map((one) => ({ ...one }))) as Completion[];
    const rewards = await unlessAborted(
      context.signal,
      within(limit * 1000, whoOf(context), () => reward(list)),
    );
    return checked(rewards, completions.length);
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

/** What V8 says of a frozen list. */
const changesTheList = (cause: unknown): boolean =>
  cause instanceof TypeError &&
  /read only property '\d+' of object '\[object Array\]'|object is not extensible|Cannot delete property/.test(
    cause.message,
  );

/** The answer, unless the signal comes first: what the reward still does then is nothing to anybody. */
async function unlessAborted<T>(signal: AbortSignal | undefined, answer: Promise<T>): Promise<T> {
  if (!signal || signal.aborted) return answer;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, fail) => {
    stop = () =>
      fail(new GrpoError('ABORTED', 'the reward was left', { fix: 'start it again', exitCode: 1 }));
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener('abort', stop!);
  }
}

function checked(rewards: unknown, count: number): number[] | Fault {
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
