import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { resolveModel } from '../../../src/model/files.js';
import { codeOf, fixtureModel, temporaryFolder } from '../../support/fixtures.js';

const SHA = 'a'.repeat(40);
const INDEX = 'model.safetensors.index.json';
const files = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const content = (name: string) => readFileSync(join(fixtureModel('qwen2-tied'), name));
/** As the hub: the SHA-256 of large files, git's name of the others. */
const etagOf = (name: string, body = content(name)) =>
  name.endsWith('.safetensors')
    ? createHash('sha256').update(body).digest('hex')
    : createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex');

/** A hub on the loopback interface that can be told to misbehave. */
class Hub {
  requests: { method: string; path: string; range?: string; authorization?: string }[] = [];
  /** Breaks a download of weights off after as many bytes, as many times. */
  breakAfter = 0;
  breaks = 0;
  status = 200;
  ignoreRange = false;
  damage: string | undefined;
  /** Bytes that it sends more (or fewer, below 0) than it says. */
  extra = 0;
  /** What `model.safetensors.index.json` holds, in place of the weights in one file. */
  index: string | undefined;
  readonly server: Server = createServer((request, response) => this.answer(request, response));

  /** Of the commit. */
  sha = SHA;

  files() {
    return this.index === undefined ? files : [...files.slice(0, -1), INDEX];
  }

  async start() {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  answer(request: IncomingMessage, response: ServerResponse) {
    const path = request.url!;
    const { range, authorization } = request.headers;
    this.requests.push({
      method: request.method!,
      path,
      ...(range && { range }),
      ...(authorization && { authorization }),
    });
    if (this.status !== 200) return void response.writeHead(this.status).end();
    if (path === '/api/models/org/name/revision/main')
      return void response.end(
        JSON.stringify({ sha: this.sha, siblings: this.files().map((rfilename) => ({ rfilename })) }),
      );
    const name = this.files().find((file) => path === `/org/name/resolve/${SHA}/${file}`);
    if (!name) return void response.writeHead(404).end();
    const body = name === INDEX ? Buffer.from(this.index!) : content(name);
    if (request.method === 'HEAD')
      return void response
        .writeHead(200, { etag: `"${etagOf(name, body)}"`, 'content-length': body.length })
        .end();
    const from = range && !this.ignoreRange ? Number(/bytes=(\d+)-/.exec(range)![1]) : 0;
    let rest = Buffer.from(body.subarray(from));
    if (this.damage === name) rest[rest.length - 1]! ^= 1;
    if (name === 'model.safetensors' && this.extra !== 0) {
      rest = Buffer.concat([rest, Buffer.alloc(Math.max(0, this.extra))]).subarray(
        0,
        rest.length + this.extra,
      );
      response.removeHeader('content-length');
      return void response.writeHead(from > 0 ? 206 : 200).end(rest);
    }
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': body.length - from });
    if (name === 'model.safetensors' && this.breaks > 0) {
      this.breaks--;
      response.write(rest.subarray(0, this.breakAfter), () => setTimeout(() => response.destroy(), 250));
    } else response.end(rest);
  }
}

describe('a model of the hub', () => {
  let hub: Hub;
  let cache: string;
  beforeEach(async () => {
    hub = new Hub();
    cache = temporaryFolder();
    vi.stubEnv('HF_ENDPOINT', await hub.start());
    vi.stubEnv('HF_HUB_CACHE', cache);
    vi.stubEnv('HF_HUB_OFFLINE', '');
    vi.stubEnv('HF_TOKEN', '');
    vi.stubEnv('HF_HOME', cache);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    hub.server.closeAllConnections();
    hub.server.close();
  });
  const weights = () =>
    hub.requests.filter(({ method, path }) => method === 'GET' && path.endsWith('.safetensors'));

  it('is downloaded into the cache of the hub’s own tools, once', async () => {
    const seen: string[] = [];
    const folder = await resolveModel('org/name', {
      onProgress: ({ file, received, total }) => received === total && seen.push(file),
    });
    expect(folder).toBe(join(cache, 'models--org--name', 'snapshots', SHA));
    for (const name of files) expect(readFileSync(join(folder, name)).equals(content(name))).toBe(true);
    expect(readFileSync(join(cache, 'models--org--name', 'refs', 'main'), 'utf8')).toBe(SHA);
    expect(readdirSync(join(cache, 'models--org--name', 'blobs')).sort()).toEqual(
      files.map((name) => etagOf(name)).sort(),
    );
    expect(new Set(seen)).toEqual(new Set(files));

    const before = hub.requests.length;
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await resolveModel('org/name')).toBe(folder);
    expect(hub.requests.length).toBe(before);
  });

  it('goes on where the connection broke off', async () => {
    hub.breakAfter = 1000;
    hub.breaks = 2;
    const folder = await resolveModel('org/name');
    expect(readFileSync(join(folder, 'model.safetensors')).equals(content('model.safetensors'))).toBe(true);
    expect(weights().map(({ range }) => range)).toEqual([undefined, 'bytes=1000-', 'bytes=2000-']);
  });

  it('goes on after the program was ended', async () => {
    const blobs = join(cache, 'models--org--name', 'blobs');
    mkdirSync(blobs, { recursive: true });
    writeFileSync(
      join(blobs, `${etagOf('model.safetensors')}.incomplete`),
      content('model.safetensors').subarray(0, 5000),
    );
    const folder = await resolveModel('org/name');
    expect(weights().map(({ range }) => range)).toEqual(['bytes=5000-']);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(content('model.safetensors'))).toBe(true);
  });

  it('starts over where the server knows no ranges', async () => {
    hub.breakAfter = 1000;
    hub.breaks = 1;
    hub.ignoreRange = true;
    const folder = await resolveModel('org/name');
    expect(readFileSync(join(folder, 'model.safetensors')).equals(content('model.safetensors'))).toBe(true);
  });

  const isFindable = () => existsSync(join(cache, 'models--org--name', 'refs', 'main'));

  it.each(['model.safetensors', 'config.json', 'tokenizer.json'])(
    'is not used when its %s came damaged',
    async (name) => {
      hub.damage = name;
      expect(await codeOf(resolveModel('org/name'))).toBe('HUB_DAMAGED');
      expect(isFindable()).toBe(false);
      hub.damage = undefined;
      await resolveModel('org/name');
    },
  );

  it('is not used when more comes than was said', async () => {
    hub.extra = 100;
    expect(await codeOf(resolveModel('org/name'))).toBe('HUB_DAMAGED');
    expect(isFindable()).toBe(false);
    hub.extra = 0;
    await resolveModel('org/name');
  });

  it('is not used when less comes than was said, however often it is asked for', async () => {
    hub.extra = -content('model.safetensors').length;
    expect(await codeOf(resolveModel('org/name'))).toBe('HUB_INTERRUPTED');
    expect(isFindable()).toBe(false);
    hub.extra = 0;
    await resolveModel('org/name');
  }, 20_000);

  it.each(['../../../escaped', '../x.safetensors', '/tmp/x.safetensors', '..', 'a/b.safetensors'])(
    'asks for no shard called %s and writes none',
    async (shard) => {
      hub.index = JSON.stringify({ weight_map: { 'model.norm.weight': shard } });
      const folder = await resolveModel('org/name');
      expect(hub.requests.filter(({ path }) => /escaped|safetensors$/.test(path))).toEqual([]);
      expect(readdirSync(folder).sort()).toEqual([...files.slice(0, -1), INDEX].sort());
      expect(readdirSync(cache)).toEqual(['models--org--name']);
    },
  );

  it.each(['../../x', 'main', '', 'A'.repeat(40)])('of a commit called %j is none', async (sha) => {
    hub.sha = sha;
    expect(await codeOf(resolveModel('org/name'))).toBe('HUB_ANSWER');
    expect(readdirSync(cache)).toEqual([]);
  });

  it('may have files that are empty', async () => {
    hub.index = '';
    const folder = await resolveModel('org/name');
    expect(readFileSync(join(folder, INDEX), 'utf8')).toBe('');
  });

  it('is asked for with the token', async () => {
    vi.stubEnv('HF_TOKEN', 'hf_test');
    await resolveModel('org/name');
    expect(hub.requests.every(({ authorization }) => authorization === 'Bearer hf_test')).toBe(true);
  });

  it('can be aborted', async () => {
    const abort = new AbortController();
    const work = resolveModel('org/name', { signal: abort.signal, onProgress: () => abort.abort() });
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each([
    [401, 'HUB_ACCESS'],
    [403, 'HUB_ACCESS'],
    [404, 'HUB_NOT_FOUND'],
    [500, 'HUB_FAILED'],
  ])('that answers %i is an error with a code', async (status, code) => {
    hub.status = status;
    expect(await codeOf(resolveModel('org/name'))).toBe(code);
  });

  it('that is not there is an error with a code', async () => {
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
    expect(await codeOf(resolveModel('org/name'))).toBe('HUB_UNREACHABLE');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await codeOf(resolveModel('org/name'))).toBe('HUB_OFFLINE');
    expect(await codeOf(resolveModel('no-such-model'))).toBe('MODEL_NOT_FOUND');
    expect(await codeOf(resolveModel('../..x/y'))).toBe('MODEL_NOT_FOUND');
    expect(await codeOf(resolveModel(join(fixtureModel('qwen2-tied'), 'config.json')))).toBe(
      'MODEL_NOT_A_FOLDER',
    );
    expect(await resolveModel(fixtureModel('qwen2-tied'))).toBe(fixtureModel('qwen2-tied'));
  });
});
