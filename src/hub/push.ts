/** Uploads files to a model's repository on the hub, which is made where there is none. */
import { pathToFileURL } from 'node:url';
import { GrpoError, reasonOf, shown } from '../common/errors.js';
import { endpoint, isOffline, readToken, tokenFile } from './environment.js';
import { isRepositoryName } from './name.js';
import { hubFetch, unreachable } from './request.js';

/** A file to upload. */
export interface PushedFile {
  /** Its name in the repository. */
  path: string;
  /** Where it is on this machine. */
  file: string;
}

/** Where to, and how. */
export interface PushOptions {
  /** `user/name` or `organisation/name`. */
  id: string;
  /** Whether a repository that is made is shown to its owner alone. */
  isPrivate: boolean;
  /** Title of the commit. */
  title: string;
  signal?: AbortSignal;
}

/** @throws {GrpoError} HUB_NAME where a repository can't have the name */
export function checkName(id: string): void {
  if (isRepositoryName(id) && !id.includes('--')) return;
  throw new GrpoError('HUB_NAME', `${shown(id)} is no name of a repository`, {
    fix: 'give user/name or organisation/name, of letters, digits, dots, dashes and underscores',
    value: id,
  });
}

/**
 * What can be asked before anything is written: the form of the name, and whether there is a token.
 * @throws {GrpoError} HUB_NAME, HUB_OFFLINE, HUB_NO_TOKEN
 */
export async function checkPush(id: string): Promise<void> {
  checkName(id);
  if (isOffline())
    throw new GrpoError('HUB_OFFLINE', `${id} can't be reached: HF_HUB_OFFLINE is set`, {
      fix: 'unset HF_HUB_OFFLINE, or write the folder alone with --dry-run',
      value: id,
    });
  if ((await readToken()) !== undefined) return;
  throw new GrpoError('HUB_NO_TOKEN', `there is no token to write to ${id} with`, {
    fix: `make one that may write at https://huggingface.co/settings/tokens, and run hf auth login or set HF_TOKEN (looked for in HF_TOKEN and ${tokenFile()})`,
    value: id,
  });
}

/**
 * Uploads files as one commit.
 * @returns address of the repository's page
 * @throws {GrpoError} HUB_NAME, HUB_NO_TOKEN, HUB_PUSH_REFUSED, HUB_OFFLINE, HUB_UNREACHABLE, HUB_FAILED
 */
export async function pushFiles(files: PushedFile[], options: PushOptions): Promise<string> {
  const { id, isPrivate, title, signal } = options;
  await checkPush(id);
  const { createRepo, uploadFiles } = await import('@huggingface/hub');
  const abortable: typeof fetch = (input, init) => {
    signal?.throwIfAborted();
    return hubFetch(input, init);
  };
  const hub = { repo: id, hubUrl: endpoint(), fetch: abortable };
  try {
    // `hubFetch` adds the token; the library itself would refuse one that doesn't begin as the hub's own do.
    const creation = { ...hub, ...(isPrivate && { visibility: 'private' as const }), accessToken: '' };
    await createRepo(creation).catch(unlessThere);
    await uploadFiles({
      ...hub,
      files: files.map(({ path, file }) => ({ path, content: pathToFileURL(file) })),
      commitTitle: title,
      ...(signal && { abortSignal: signal }),
    });
  } catch (error) {
    if (error instanceof GrpoError || signal?.aborted) throw error;
    throw await failure(error, id);
  }
  return `${endpoint()}/${id}`;
}

/** A repository that is there already is written to. */
function unlessThere(error: unknown): void {
  if ((error as { statusCode?: unknown }).statusCode !== 409) throw error;
}

async function failure(error: unknown, id: string): Promise<GrpoError> {
  const { statusCode: status } = error as { statusCode?: number };
  // Without a status the connection failed, or a file of this machine couldn't be read.
  if (status === undefined) return unreachable(endpoint(), error);
  if (status === 401 || status === 403 || status === 404) {
    const user = await userOfToken();
    const mine = user === undefined ? 'user/name' : `${user}/${id.split('/')[1]}`;
    return new GrpoError(
      'HUB_PUSH_REFUSED',
      `the hub doesn't let ${user ?? 'this token'} write to ${id} (${status}): the name is another's, or the token may only read`,
      { fix: `choose a name of your own, such as ${mine}, or use a token that may write`, value: id },
    );
  }
  return new GrpoError('HUB_FAILED', `the hub answers ${status} to the upload of ${id}: ${reasonOf(error)}`, {
    fix: status >= 500 || status === 429 ? 'try again later' : 'see what the hub says above',
    value: status,
    exitCode: 1,
    cause: error,
  });
}

/** The name of the user that the token is of; undefined where the hub doesn't say. */
async function userOfToken(): Promise<string | undefined> {
  try {
    const response = await hubFetch(`${endpoint()}/api/whoami-v2`);
    const { name } = (await response.json()) as { name?: unknown };
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
