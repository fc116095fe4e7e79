/**
 * Requests to the hub: with the token, through the proxy that the environment names, with errors that have a code.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GrpoError } from '../common/errors.js';
import { HUB, endpoint, readToken } from './environment.js';

/** A repository of the hub. */
export interface Repository {
  kind: 'model' | 'dataset';
  /** `organisation/name`. */
  id: string;
}

/** What is asked for, as messages name it. */
export interface Subject {
  /** Such as `org/name`, or `config.json of org/name`. */
  what: string;
  repository: Repository;
}

/** Times that a server which is asked too often is asked again. */
const WAITS = 4;
/** Longest wait in seconds; a server that asks for a longer one is an error. */
const LONGEST_WAIT = 60;

/**
 * `fetch` that throws a `GrpoError` where it fails. Responses with 3xx are accepted where `redirect` is `manual`. A
 * server that is asked too often (429) is asked again when it says.
 *
 * @param mode `retried`: a failure after which a retry can help (broken connection, busy server) is a plain Error
 * @throws {GrpoError} HUB_UNREACHABLE, HUB_ACCESS, HUB_NOT_FOUND or DATASET_NOT_FOUND, HUB_BUSY, HUB_FAILED
 */
export async function request(
  url: string,
  init: RequestInit,
  subject: Subject,
  mode: 'once' | 'retried' = 'once',
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('Accept-Encoding', 'identity');
  for (let waits = 0; ; waits++) {
    const response = await send(url, { ...init, headers }, mode);
    if (response.ok || (isRedirect(response) && init.redirect === 'manual')) return response;
    await response.body?.cancel().catch(() => undefined);
    if (response.status !== 429) throw await refusal(response, subject, mode);
    const seconds = secondsToWait(response) ?? 2 ** waits;
    if (waits >= WAITS || seconds > LONGEST_WAIT) throw busy(subject, seconds);
    await sleep(1000 * seconds, undefined, { signal: init.signal ?? undefined });
  }
}

/** Whether a response leads elsewhere. */
export const isRedirect = ({ status }: Response): boolean => status >= 300 && status < 400;

async function send(url: string, init: RequestInit, mode: 'once' | 'retried'): Promise<Response> {
  try {
    return await hubFetch(url, init);
  } catch (error) {
    if (init.signal?.aborted || mode === 'retried' || error instanceof GrpoError) throw error;
    throw unreachable(url, error);
  }
}

/**
 * The global `fetch`, with the token where the address is the endpoint's own, and through a proxy where one is
 * named. `fetch` itself takes the token off a redirect to another server.
 */
export const hubFetch: typeof fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const headers = new Headers(init?.headers);
  if (url.origin === new URL(endpoint()).origin) {
    const token = await readToken();
    if (token === undefined) headers.delete('Authorization');
    else headers.set('Authorization', `Bearer ${token}`);
  }
  const through = await proxiedFetch();
  return (through ?? fetch)(input, { ...init, headers });
};

/** The variables that name a proxy. */
const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
let proxied: { named: string; fetch: typeof fetch } | undefined;

/** `fetch` through the proxy of the environment (and past it, by `NO_PROXY`); undefined where none is named. */
async function proxiedFetch(): Promise<typeof fetch | undefined> {
  const named = PROXIES.map((name) => process.env[name] ?? '').join(' ');
  if (named.trim() === '') return undefined;
  if (proxied?.named !== named) {
    const { EnvHttpProxyAgent, fetch: undiciFetch } = await import('undici');
    let dispatcher: InstanceType<typeof EnvHttpProxyAgent>;
    try {
      dispatcher = new EnvHttpProxyAgent();
    } catch (cause) {
      throw new GrpoError('HUB_PROXY', `the proxy that ${namesOfProxies()} names is no address of one`, {
        fix: 'give an address such as http://proxy.example.com:3128, or unset the variable',
        cause,
      });
    }
    // The global fetch of Node 20 doesn't take a dispatcher of this undici, so both are its own.
    const through = (input: unknown, init: object) => undiciFetch(input as string, { ...init, dispatcher });
    proxied = { named, fetch: through as unknown as typeof fetch };
  }
  return proxied.fetch;
}

const namesOfProxies = () => PROXIES.filter((name) => process.env[name]).join(', ');

/** Seconds that a response asks to wait, by `Retry-After`: a number or a date. */
function secondsToWait({ headers }: Response): number | undefined {
  const asked = headers.get('retry-after');
  if (asked === null) return undefined;
  if (/^\d+$/.test(asked)) return Number(asked);
  const until = Date.parse(asked);
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - Date.now()) / 1000));
}

export function unreachable(url: string, error: unknown): GrpoError {
  const cause = (error as Error & { cause?: Error }).cause;
  const proxy = namesOfProxies();
  const through = proxy === '' ? '' : ` through the proxy of ${proxy}`;
  return new GrpoError(
    'HUB_UNREACHABLE',
    `${new URL(url).origin} cannot be reached${through}: ${cause?.message || String(error)}`,
    {
      fix: `check the connection${proxy && `, ${proxy}, NO_PROXY`} or HF_ENDPOINT, or give a folder or file of this machine`,
      value: url,
      exitCode: 1,
      cause: error,
    },
  );
}

const busy = ({ what }: Subject, seconds: number): GrpoError =>
  new GrpoError('HUB_BUSY', `the hub asks to wait ${seconds} s before ${what} is asked for again (429)`, {
    fix: 'run the same command again after that; with a token (hf auth login, or HF_TOKEN) the hub allows more',
    value: seconds,
    exitCode: 1,
  });

/** The error for a response that refuses; the hub tells its reason in `X-Error-Code`. */
async function refusal(
  { status, headers }: Response,
  { what, repository }: Subject,
  mode: 'once' | 'retried',
): Promise<Error> {
  const reason = headers.get('x-error-code');
  const { kind, id } = repository;
  const hasToken = (await readToken()) !== undefined;
  if (reason === 'RevisionNotFound')
    return new GrpoError('HUB_REVISION', `${id} has no such revision: ${what}`, {
      fix: 'give a branch, a tag or a commit of it, such as main',
      value: what,
    });
  if (status === 404 || reason === 'RepoNotFound') {
    const hidden = hasToken ? '' : '; a private one is shown only with a token (hf auth login, or HF_TOKEN)';
    const example =
      kind === 'model'
        ? 'organisation/model, as in Qwen/Qwen2.5-0.5B'
        : 'organisation/dataset, as in openai/gsm8k';
    return new GrpoError(kind === 'model' ? 'HUB_NOT_FOUND' : 'DATASET_NOT_FOUND', `the hub has no ${what}`, {
      fix: `check the name: ${example}${hidden}`,
      value: what,
    });
  }
  if (status === 401 || status === 403) {
    const page = `${HUB}/${kind === 'dataset' ? 'datasets/' : ''}${id}`;
    const gated = reason === 'GatedRepo' ? 'it is gated' : 'it is gated, private or does not exist';
    const token = hasToken
      ? 'use a token that may read it (hf auth login, or HF_TOKEN)'
      : 'give a token (hf auth login, or HF_TOKEN)';
    return new GrpoError('HUB_ACCESS', `the hub refuses ${what} (${status}): ${gated}`, {
      fix: `visit ${page} to accept its terms or ask for access, and ${token}`,
      value: what,
    });
  }
  if (mode === 'retried' && status >= 500) return new Error(`status ${status}`);
  return new GrpoError('HUB_FAILED', `the hub answers ${status} to a request for ${what}`, {
    fix: 'try again later',
    value: status,
    exitCode: 1,
  });
}
