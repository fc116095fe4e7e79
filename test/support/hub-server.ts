/** A hub on the loopback interface: models and datasets, at commits of branches; it can be told to misbehave. */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import { temporaryFolder } from './fixtures.js';

export interface HubRequest {
  method: string;
  path: string;
  authorization: string | undefined;
  range: string | undefined;
}

type Files = Record<string, Buffer | string>;
type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A server of a test, and what it was asked. */
export class Loopback {
  readonly requests: HubRequest[] = [];
  readonly server = createServer((request, response) => {
    const { authorization, range } = request.headers;
    this.requests.push({ method: request.method!, path: request.url!, authorization, range });
    if (!this.answer(request, response)) response.writeHead(404).end();
  });
  url = '';

  constructor(private answer: Answer) {}

  async start(): Promise<this> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    onTestFinished(() => {
      this.server.closeAllConnections();
      this.server.close();
    });
    return this;
  }
}

/** Git's name of a content, as the hub's etag of a small file. */
const gitSha = (body: Buffer): string =>
  createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex');

export class HubServer extends Loopback {
  /** Commits by `models/org/name@branch` or `datasets/org/name@branch`. */
  readonly commits = new Map<string, { sha: string; files: Files }>();
  /** Asked before the usual answer; true where it has answered. */
  before: Answer = () => false;

  constructor() {
    super((request, response) => this.before(request, response) || this.usual(request, response));
  }

  add(repository: string, sha: string, files: Files): void {
    this.commits.set(repository, { sha, files });
  }

  private usual(request: IncomingMessage, response: ServerResponse): boolean {
    const path = decodeURIComponent(request.url!);
    for (const [name, { sha, files }] of this.commits) {
      const [repository = '', branch = ''] = name.split('@');
      if ([branch, sha].some((revision) => path === `/api/${repository}/revision/${revision}`)) {
        response.end(
          JSON.stringify({ sha, siblings: Object.keys(files).map((rfilename) => ({ rfilename })) }),
        );
        return true;
      }
      const file = Object.keys(files).find(
        (one) => path === `/${repository.replace(/^models\//, '')}/resolve/${sha}/${one}`,
      );
      if (file !== undefined) {
        sendFile(request, response, Buffer.from(files[file]!), {
          etag: `"${gitSha(Buffer.from(files[file]!))}"`,
        });
        return true;
      }
    }
    return false;
  }
}

/** Sends a file, or as much as a range asks for. */
export function sendFile(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  also: Record<string, string> = {},
): void {
  const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': body.length - from, ...also });
  response.end(method === 'HEAD' ? undefined : body.subarray(from));
}

/** A hub that the environment names, with an empty cache and no token; gives the hub and the folder `HF_HOME`. */
export async function startHub(): Promise<{ hub: HubServer; home: string }> {
  const home = temporaryFolder();
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const name of [
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_TOKEN_PATH',
    'HF_HUB_CACHE',
    'HF_HUB_OFFLINE',
  ])
    vi.stubEnv(name, '');
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toLowerCase(), undefined);
  }
  vi.stubEnv('HF_HOME', home);
  const hub = await new HubServer().start();
  vi.stubEnv('HF_ENDPOINT', hub.url);
  return { hub, home };
}
