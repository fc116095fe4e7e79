/** JSON over HTTP, with errors that tell whether a retry can help. */
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

/** The error message in a server's answer. */
function messageOf(text: string): string {
  let message = text;
  try {
    const { message: one, error: other } = JSON.parse(text) as { message?: unknown; error?: unknown };
    if (typeof one === 'string') message = one;
    else if (typeof other === 'string') message = other;
  } catch {
    // The answer is not JSON: its text is used as it is.
  }
  return message.replace(/\s+/g, ' ').trim().slice(0, 200) || 'nothing';
}
