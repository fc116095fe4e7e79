/** A hub on the loopback interface that takes uploads of the user `me`, who has the token `hf_me`. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { vi } from 'vitest';
import { temporaryFolder } from './fixtures.js';
import { Loopback } from './hub-server.js';

interface Entry {
  key: string;
  value: Record<string, string>;
}

export class PushServer extends Loopback {
  /** Visibility of each repository, by its name. */
  readonly repositories = new Map<string, string>();
  /** Files of the last commit, by repository and path. */
  readonly files = new Map<string, Buffer>();
  title = '';
  /** Answer to everything; 0: the usual one. */
  status = 0;
  private readonly blobs = new Map<string, Buffer>();

  constructor() {
    super((request, response) => {
      void this.take(request, response);
      return true;
    });
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(request.url!);
    const body = await buffer(request);
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (this.status !== 0) return void json({ error: 'no' }, this.status);
    // Storage is another server: it takes no token.
    if (request.method === 'PUT' && path.startsWith('/store/')) {
      const oid = createHash('sha256').update(body).digest('hex');
      this.blobs.set(oid, body);
      return void response.writeHead(path === `/store/${oid}` ? 200 : 400).end();
    }
    if (request.headers.authorization !== 'Bearer hf_me') return void json({ error: 'unauthorised' }, 401);
    if (path === '/api/whoami-v2') return void json({ name: 'me' });
    if (path === '/api/repos/create') {
      const { organization, name, visibility } = JSON.parse(body.toString()) as Record<string, string>;
      const id = `${organization}/${name}`;
      if (organization !== 'me')
        return void json({ error: `You don't have the rights to create ${id}` }, 403);
      if (this.repositories.has(id)) return void json({ error: 'You already created this model repo' }, 409);
      this.repositories.set(id, visibility ?? 'public');
      return void json({ url: `${this.url}/${id}`, id });
    }
    const [, id = '', what] =
      /^\/(?:api\/models\/)?([\w.-]+\/[\w.-]+?)(?:\.git\/info\/lfs\/objects)?\/(\w+)/.exec(path) ?? [];
    if (!this.repositories.has(id)) return void json({ error: 'Repository not found' }, 404);
    if (what === 'preupload') {
      const { files } = JSON.parse(body.toString()) as { files: { path: string }[] };
      const modeOf = (name: string) => (name.endsWith('.safetensors') ? 'lfs' : 'regular');
      return void json({ files: files.map((file) => ({ path: file.path, uploadMode: modeOf(file.path) })) });
    }
    if (what === 'batch') {
      const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
      const upload = ({ oid }: { oid: string }) => ({ upload: { href: `${this.url}/store/${oid}` } });
      return void json({
        transfer: 'basic',
        objects: objects.map((one) => ({ ...one, actions: upload(one) })),
      });
    }
    for (const line of body.toString().split('\n')) {
      const { key, value } = JSON.parse(line) as Entry;
      if (key === 'header') this.title = value.summary!;
      else
        this.files.set(
          `${id}/${value.path}`,
          key === 'lfsFile' ? this.blobs.get(value.oid!)! : Buffer.from(value.content!, 'base64'),
        );
    }
    json({ commitOid: 'f'.repeat(40), commitUrl: `${this.url}/${id}/commit/f`, hookOutput: '' });
  }
}

/** Such a hub, as the environment of the test names it. */
export async function startPushServer(): Promise<PushServer> {
  const server = await new PushServer().start();
  vi.stubEnv('HF_ENDPOINT', server.url);
  vi.stubEnv('HF_HOME', temporaryFolder());
  vi.stubEnv('HF_HUB_OFFLINE', '');
  vi.stubEnv('HF_TOKEN', 'hf_me');
  return server;
}
