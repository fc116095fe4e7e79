/** Calls a reward function and believes nothing it returns. */
import { inspect } from 'node:util';
import { GrpoError } from '../errors.js';
import type { Completion, RewardFunction } from '../tasks/task.js';

export interface JudgeContext {
  /** Optimiser step, for messages. */
  step?: number | undefined;
  /** Name of the reward or the task it belongs to, for messages. */
  name?: string | undefined;
  /** A reward that fails because of it is no fault of the reward. */
  signal?: AbortSignal | undefined;
}

/**
 * Rewards of `completions`, in order; NaN where the function has nothing to say of one (null).
 * @throws {GrpoError} REWARD_FAILED, REWARD_COUNT or REWARD_NOT_FINITE, with the completion that shows it
 */
export async function judge(
  reward: RewardFunction,
  completions: Completion[],
  context: JudgeContext = {},
): Promise<number[]> {
  const who = `${context.name ? `the reward of ${context.name}` : 'the reward function'}${
    context.step === undefined ? '' : ` at step ${context.step}`
  }`;
  let rewards: unknown;
  try {
    rewards = await reward(completions);
  } catch (cause) {
    if (cause instanceof GrpoError || context.signal?.aborted) throw cause;
    throw new GrpoError('REWARD_FAILED', `${who} threw: ${describe(cause)}`, {
      fix: `mend the reward function; it was called with ${completions.length} completions, the first ${quote(completions[0])}`,
      value: cause,
      cause,
      exitCode: 1,
    });
  }
  if (!isList(rewards)) {
    throw new GrpoError('REWARD_COUNT', `${who} returned ${typeof rewards}, not a list of numbers`, {
      fix: 'return an array with one number for each completion, in their order',
      value: rewards,
      exitCode: 1,
    });
  }
  const list = Array.from(rewards);
  if (list.length !== completions.length) {
    const missing = list.length < completions.length;
    const first = missing ? `; the first without a reward is ${quote(completions[list.length])}` : '';
    throw new GrpoError(
      'REWARD_COUNT',
      `${who} returned ${list.length} values for ${completions.length} completions${first}`,
      {
        fix: 'return an array with one number for each completion, in their order',
        value: list.length,
        exitCode: 1,
      },
    );
  }
  const bad = list.findIndex(
    (value) => value !== null && (typeof value !== 'number' || !Number.isFinite(value)),
  );
  if (bad >= 0) {
    const value = list[bad];
    throw new GrpoError(
      'REWARD_NOT_FINITE',
      `${who} gave ${inspect(value, { breakLength: Infinity, depth: 1 })} to ${quote(completions[bad])}`,
      {
        fix: 'return a finite number for every completion, for those that cannot be judged too',
        value,
        exitCode: 1,
      },
    );
  }
  return list.map((value) => (value as number | null) ?? NaN);
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function quote(completion: Completion | undefined): string {
  if (!completion) return 'none';
  const text = JSON.stringify(completion.completion);
  return `${text.length > 80 ? `${text.slice(0, 77)}..."` : text} to ${JSON.stringify(completion.prompt)}`;
}
