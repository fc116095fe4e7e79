/** `http`: a judge that is asked over HTTP. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { GrpoError, shown } from '../../../common/errors.js';
import { parseJson } from '../../../common/json.js';
import type { Completion } from '../../tasks/task.js';
import { badReward, rewardKind } from '../types.js';

export const http = rewardKind({
  example: 'http://127.0.0.1:8000/judge, or {http: {url: "http://127.0.0.1:8000/judge", batch_size: 16}}',
  options: z.strictObject({
    url: z.string().min(1),
    batch_size: z.number().int().min(1).default(64),
    /** Seconds that an answer may take. */
    timeout: z.number().positive().default(60),
    retries: z.number().int().min(0).max(10).default(3),
    /** Environment variable with the judge's token: a run's files have its name alone. */
    token_env: z.string().min(1).optional(),
  }),
  argument: (url) => ({ url }),
  make: async (options, { problems }) => {
    if (!isAddress(options.url))
      throw badReward(
        `http: ${shown(options.url)} is no address`,
        'give one such as http://127.0.0.1:8000/judge',
        options.url,
      );
    const token = options.token_env === undefined ? undefined : tokenIn(options.token_env);
    const judge = { ...options, token };
    const [problem] = await problems();
    // Once before any work starts: is it there, and does it answer with a list?
    if (problem) {
      const { prompt, answer } = problem;
      await ask({ ...judge, retries: 0 }, [{ prompt, completion: answer, answer, problem }]);
    }
    return {
      reward: async (completions) => {
        const values: (number | null)[] = [];
        for (let from = 0; from < completions.length; from += options.batch_size)
          values.push(...(await ask(judge, completions.slice(from, from + options.batch_size))));
        return values;
      },
      isCorrect: (_, value) => value > 0.5,
      stop: null,
    };
  },
});

function isAddress(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** @throws {GrpoError} BAD_REWARD where the variable is not set */
function tokenIn(variable: string): string {
  const token = process.env[variable];
  if (token) return token;
  throw badReward(
    `http: the environment variable ${variable} is not set`,
    `set ${variable} to the judge's token, or leave token_env out`,
    variable,
  );
}

interface AskOptions {
  url: string;
  token: string | undefined;
  timeout: number;
  retries: number;
}

/** Milliseconds before the first retry; each further one waits twice as long. */
const FIRST_PAUSE = 500;

/**
 * What the judge says of some completions.
 * @throws {GrpoError} JUDGE_UNREACHABLE, JUDGE_REFUSED, JUDGE_ANSWER
 */
async function ask(
  { url, token, timeout, retries }: AskOptions,
  completions: Completion[],
): Promise<(number | null)[]> {
  const body = JSON.stringify(
    completions.map(({ prompt, completion, answer, problem }) => ({
      prompt,
      ...(problem.messages && { messages: problem.messages }),
      completion,
      answer,
      columns: problem.columns ?? {},
    })),
    (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value),
  );
  for (let attempt = 0; ; attempt++) {
    const answer = await request(url, token, body, timeout);
    if ('values' in answer) return checked(url, answer.values, completions.length);
    if (answer.final || attempt >= retries) throw answer.error;
    await pause(FIRST_PAUSE * 2 ** attempt);
  }
}

type Answer = { values: unknown } | { error: GrpoError; final: boolean };

/** Statuses of the 4xx range after which a retry can help: timeout, too early, too many requests. */
const TRY_AGAIN = [408, 425, 429];

async function request(
  url: string,
  token: string | undefined,
  body: string,
  timeout: number,
): Promise<Answer> {
  const fault = (code: string, what: string, fix: string, final: boolean, cause?: unknown): Answer => ({
    error: new GrpoError(code, `the judge ${url} ${what}`, { fix, value: url, exitCode: 1, cause }),
    final,
  });
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body,
      signal: AbortSignal.timeout(timeout * 1000),
    });
    text = await response.text();
  } catch (cause) {
    const { name, message, cause: inner } = cause as Error;
    if (name === 'TimeoutError')
      return fault(
        'JUDGE_UNREACHABLE',
        `did not answer within ${timeout} s`,
        'give it more time or less at once: {http: {url: ..., timeout: 300, batch_size: 8}}',
        false,
        cause,
      );
    const why = inner instanceof Error && inner.message !== '' ? inner.message : message;
    return fault(
      'JUDGE_UNREACHABLE',
      `can't be reached: ${why}`,
      'start it, or correct its address',
      false,
      cause,
    );
  }
  const { ok, status } = response;
  const said = text.replace(/\s+/g, ' ').trim().slice(0, 200);
  if (!ok) {
    const final = status < 500 && !TRY_AGAIN.includes(status);
    const what = `answered ${status}${said ? `: ${said}` : ''}`;
    return fault(
      'JUDGE_REFUSED',
      what,
      'look at what the judge prints; docs/rewards.md says what it is sent',
      final,
    );
  }
  return { values: parseJson(text) ?? said };
}

/** @throws {GrpoError} JUDGE_ANSWER where it isn't a number or null for each completion */
function checked(url: string, values: unknown, count: number): (number | null)[] {
  const right = (value: unknown) => value === null || (typeof value === 'number' && Number.isFinite(value));
  if (Array.isArray(values) && values.length === count && values.every(right))
    return values as (number | null)[];
  const what =
    Array.isArray(values) && values.length !== count
      ? `${values.length} values for ${count} completion${count === 1 ? '' : 's'}`
      : shown(values);
  throw new GrpoError('JUDGE_ANSWER', `the judge ${url} answered ${what}`, {
    fix: 'let it answer with a JSON list that has a number or null for each completion, in order',
    value: values,
    exitCode: 1,
  });
}
