/**
 * Downloads a file over HTTP. An interrupted download is continued; the file gets its name when it is
 * complete.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrpoError } from '../common/errors.js';
import { diskError } from '../machine/disk.js';

/** How far the download of a file has come. */
export interface DownloadProgress {
  /** Name of the file, such as `model.safetensors`. */
  file: string;
  /** Bytes received, of this file. */
  received: number;
  /** Bytes that the file has. */
  total: number;
}

interface Options {
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Attempts in a row without any data, after which a download fails. */
const ATTEMPTS = 4;

/** Downloads a file into `blobs/<etag>`, its place in the hub's cache, and gives that path. */
export async function download(
  source: { url: string; file: string; blobs: string },
  options: Options,
): Promise<string> {
  const { etag, size } = await describe(source, options);
  const blob = join(source.blobs, etag);
  if (size > 0 && (await sizeOf(blob)) === size) return blob;
  await mkdir(source.blobs, { recursive: true }).catch(diskError(source.blobs));
  const part = `${blob}.incomplete`;
  if ((await sizeOf(part)) > size) await rm(part);

  for (let failures = 0; (await sizeOf(part)) < size;) {
    const before = await sizeOf(part);
    try {
      await fetchRest(source, part, size, options);
      // A response that ends early counts as a broken connection.
      if ((await sizeOf(part)) <= before) throw new Error('the server sends nothing more');
    } catch (error) {
      if (error instanceof GrpoError || options.signal?.aborted) throw error;
      failures = (await sizeOf(part)) > before ? 0 : failures + 1;
      if (failures >= ATTEMPTS) throw interrupted(source.file, await sizeOf(part), size, error);
      await sleep(250 * 2 ** failures, undefined, { signal: options.signal });
    }
  }
  if (size === 0) await writeFile(part, '').catch(diskError(part));
  await checkContent(part, etag, source.file);
  await rename(part, blob).catch(diskError(blob));
  return blob;
}

/**
 * Reads the etag and the size of a file from headers; those of large files are on the server that stores
 * them.
 */
async function describe(source: { url: string; file: string }, options: Options) {
  const response = await request(
    source.url,
    { method: 'HEAD', redirect: 'manual', signal: options.signal ?? null },
    source.file,
  );
  const header = (name: string) => response.headers.get(name);
  const etag = (header('x-linked-etag') ?? header('etag') ?? '').replace(/^W\//, '').replaceAll('"', '');
  let size = header('x-linked-size') ?? header('content-length');
  if (size === null || (response.status >= 300 && header('x-linked-size') === null)) {
    const followed = await request(
      source.url,
      { method: 'HEAD', signal: options.signal ?? null },
      source.file,
    );
    size = followed.headers.get('content-length');
  }
  if (!/^[\w-]{8,128}$/.test(etag) || !/^\d+$/.test(size ?? ''))
    throw new GrpoError('HUB_ANSWER', `the server does not send the size and etag of ${source.file}`, {
      fix: 'check HF_ENDPOINT, and whether a proxy stands between',
      value: source.url,
      exitCode: 1,
    });
  return { etag, size: Number(size) };
}

/** Appends the missing bytes to the file `part`. */
async function fetchRest(
  source: { url: string; file: string },
  part: string,
  total: number,
  options: Options,
) {
  let received = await sizeOf(part);
  const headers: Record<string, string> = received > 0 ? { Range: `bytes=${received}-` } : {};
  const response = await request(
    source.url,
    { headers, signal: options.signal ?? null },
    source.file,
    'retried',
  );
  // A server without range requests sends the whole file, so the download starts over.
  if (response.status !== 206) received = 0;
  const handle = await open(part, received > 0 ? 'a' : 'w').catch(diskError(part));
  try {
    options.onProgress?.({ file: source.file, received, total });
    for await (const chunk of response.body ?? []) {
      await handle.writeFile(chunk as Uint8Array).catch(diskError(part));
      received += (chunk as Uint8Array).length;
      options.onProgress?.({ file: source.file, received, total });
      if (received > total) break;
    }
  } finally {
    await handle.close();
  }
  if (received > total) {
    await rm(part, { force: true });
    throw damaged(source.file, `has ${received} bytes instead of ${total}`);
  }
}

/**
 * Checks a file against its etag: the SHA-256 of a large file, else git's SHA-1, or on mirrors the plain
 * SHA-1.
 */
async function checkContent(part: string, etag: string, file: string): Promise<void> {
  const hashes =
    etag.length === 64
      ? [createHash('sha256')]
      : [createHash('sha1').update(`blob ${await sizeOf(part)}\0`), createHash('sha1')];
  // A proxy may use other etags; then only the size can be checked.
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)) return;
  for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 }))
    for (const hash of hashes) hash.update(chunk as Buffer);
  if (hashes.some((hash) => hash.digest('hex') === etag)) return;
  await rm(part, { force: true });
  throw damaged(file, 'is not what the hub has (its checksum differs)');
}

/**
 * `fetch` that throws a `GrpoError` where it fails. Responses with 3xx are accepted where `redirect` is
 * `manual`.
 * @param mode `retried`: a failure after which a retry can help (broken connection, busy server) is a plain
 *   Error
 */
export async function request(
  url: string,
  init: RequestInit,
  what: string,
  mode: 'once' | 'retried' = 'once',
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('Accept-Encoding', 'identity');
  if (process.env.HF_TOKEN) headers.set('Authorization', `Bearer ${process.env.HF_TOKEN}`);
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted || mode === 'retried') throw error;
    const cause = (error as Error & { cause?: Error }).cause;
    throw new GrpoError(
      'HUB_UNREACHABLE',
      `${new URL(url).origin} cannot be reached: ${cause?.message ?? String(error)}`,
      {
        fix: 'check the connection or HF_ENDPOINT, or give the folder of a model',
        value: url,
        exitCode: 1,
        cause: error,
      },
    );
  }
  if (response.ok || (response.status >= 300 && response.status < 400 && init.redirect === 'manual'))
    return response;
  await response.body?.cancel().catch(() => undefined);
  const status = response.status;
  if (status === 401 || status === 403)
    throw new GrpoError(
      'HUB_ACCESS',
      `the hub refuses ${what} (${status}): it is gated, private or does not exist`,
      {
        fix: 'check the name, accept the terms on its page, and set HF_TOKEN to a token that may read it',
        value: what,
      },
    );
  if (status === 404)
    throw new GrpoError('HUB_NOT_FOUND', `the hub has no ${what}`, {
      fix: 'check the name: organisation/model, as in Qwen/Qwen2.5-0.5B',
      value: what,
    });
  if (mode === 'retried' && (status >= 500 || status === 429)) throw new Error(`status ${status}`);
  throw new GrpoError('HUB_FAILED', `the hub answers ${status} to a request for ${what}`, {
    fix: 'try again later',
    value: status,
    exitCode: 1,
  });
}

function interrupted(file: string, received: number, total: number, cause: unknown): GrpoError {
  return new GrpoError(
    'HUB_INTERRUPTED',
    `the download of ${file} broke off after ${received} of ${total} bytes`,
    {
      fix: 'run the same command again: it continues where it stopped',
      value: file,
      exitCode: 1,
      cause,
    },
  );
}

function damaged(file: string, problem: string): GrpoError {
  return new GrpoError('HUB_DAMAGED', `${file} ${problem}`, {
    fix: 'run the same command again: the file is fetched anew',
    value: file,
    exitCode: 1,
  });
}

const sizeOf = (file: string) =>
  stat(file).then(
    (info) => info.size,
    () => 0,
  );
