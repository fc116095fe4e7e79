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
import { isRedirect, request, type Subject } from './request.js';

/** How far the download of a file has come. */
export interface DownloadProgress {
  /** Name of the file, such as `model.safetensors`. */
  file: string;
  /** Bytes received, of this file. */
  received: number;
  /** Bytes that the file has. */
  total: number;
}

/** A file of a server, and the folder that it is kept in. */
interface Source extends Subject {
  url: string;
  /** Its name, for whoever follows the download. */
  file: string;
  blobs: string;
}

/** How a download reports, and what ends it. */
export interface DownloadOptions {
  /** Called as bytes arrive. */
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Ends the download; what has come is kept, and continued from. */
  signal?: AbortSignal | undefined;
}

/** Attempts in a row without any data, after which a download fails. */
const ATTEMPTS = 4;

/** Redirects within a server that are followed. */
const REDIRECTS = 10;

/** Downloads a file into `blobs/<etag>`, its place in the hub's cache, and gives that path. */
export async function download(source: Source, options: DownloadOptions): Promise<string> {
  const { name, size, hash } = await describe(source, options);
  const blob = join(source.blobs, name);
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
  if (hash !== undefined) await checkContent(part, hash, source.file);
  await rename(part, blob).catch(diskError(blob));
  return blob;
}

/**
 * Reads the etag and the size of a file from headers. The hub says both of a large file in a redirect to the server
 * that stores it. A mirror may redirect without a word: then that server is asked.
 *
 * @returns `name` of the blob; `hash` of the content, where the server of the hub's kind says one
 */
async function describe(
  source: Source,
  options: DownloadOptions,
): Promise<{ name: string; size: number; hash: string | undefined }> {
  const signal = options.signal ?? null;
  const ask = (at: string) => request(at, { method: 'HEAD', redirect: 'manual', signal }, source);
  let { url } = source;
  let response = await ask(url);
  // A repository that was renamed leads to its new name.
  for (let hops = 0; hops < REDIRECTS && etagOf(response) === ''; hops++) {
    const target = new URL(response.headers.get('location') ?? '', url);
    if (!isRedirect(response) || target.origin !== new URL(url).origin) break;
    url = target.href;
    response = await ask(url);
  }
  const etag = etagOf(response);
  let name = etag;
  let size = response.headers.get('x-linked-size');
  if (!isRedirect(response)) size ??= response.headers.get('content-length');
  if (name === '' || size === null) {
    const followed = await request(url, { method: 'HEAD', signal }, source);
    name ||= etagOf(followed);
    size ??= followed.headers.get('content-length');
  }
  if (!/^\d+$/.test(size ?? ''))
    throw new GrpoError('HUB_ANSWER', `the server does not send the size of ${source.what}`, {
      fix: 'check HF_ENDPOINT, and whether a proxy stands between',
      value: source.url,
      exitCode: 1,
    });
  // The path names the commit, so that it stands for the content too.
  if (!/^[\w-]{8,128}$/.test(name))
    name = createHash('sha256')
      .update(`${new URL(source.url).pathname} ${name}`)
      .digest('hex');
  // An etag of another server, or of another form, says nothing of the content.
  return { name, size: Number(size), hash: /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag) ? etag : undefined };
}

/** The etag of what a response is, or leads to; empty where it says none. */
const etagOf = ({ headers }: Response): string =>
  (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(/^W\//, '').replaceAll('"', '');

/** Appends the missing bytes to the file `part`. */
async function fetchRest(source: Source, part: string, total: number, options: DownloadOptions) {
  let received = await sizeOf(part);
  const headers: Record<string, string> = received > 0 ? { Range: `bytes=${received}-` } : {};
  const response = await request(source.url, { headers, signal: options.signal ?? null }, source, 'retried');
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

/** Checks a file against its hash: the SHA-256 of a large file, else git's SHA-1, or on mirrors the plain SHA-1. */
async function checkContent(part: string, hash: string, file: string): Promise<void> {
  const hashes =
    hash.length === 64
      ? [createHash('sha256')]
      : [createHash('sha1').update(`blob ${await sizeOf(part)}\0`), createHash('sha1')];
  for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 }))
    for (const one of hashes) one.update(chunk as Buffer);
  if (hashes.some((one) => one.digest('hex') === hash)) return;
  await rm(part, { force: true });
  throw damaged(file, 'is not what the hub has (its checksum differs)');
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
