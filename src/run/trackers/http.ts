/** JSON over HTTP, with errors that say whether trying again can help. */
import { parseJson } from '../../common/json.js';
import { PermanentError } from './tracker.js';

/** Status codes of the 4xx range after which a retry can help: timeout, too early, too many requests. */
const TRY_AGAIN = [408, 425, 429];

export interface JsonRequest {
  method?: 'GET' | 'POST';
  body?: object;
  headers?: Record<string, string>;
  signal: AbortSignal;
}

/**
 * @throws {PermanentError} where the server refuses the request
 * @throws {Error} where the server can't be reached or fails: a retry may help
 */
export async function requestJson<T>(
  url: string,
  { method, body, headers, signal }: JsonRequest,
): Promise<T> {
  const { origin, pathname } = new URL(url);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: method ?? 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
      signal,
    });
    text = await response.text();
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Error(`${origin} can't be reached: ${cause instanceof Error ? cause.message : message}`, {
      cause: error,
    });
  }
  if (response.ok) return (text === '' ? {} : JSON.parse(text)) as T;
  const problem = `${origin}${pathname} answered ${response.status}: ${messageOf(text)}`;
  const { status } = response;
  if (status >= 400 && status < 500 && !TRY_AGAIN.includes(status)) throw new PermanentError(problem);
  throw new Error(problem);
}

/** What servers call what is wrong, without the page around it. */
function messageOf(text: string): string {
  const { message, error } = Object(parseJson(text)) as { message?: unknown; error?: unknown };
  const inner = [message, error].find((one) => typeof one === 'string') ?? text;
  return inner.replace(/\s+/g, ' ').trim().slice(0, 200) || 'nothing';
}
