import { connect } from 'node:net';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cacheFolder, tokenFile } from '../../../src/hub/environment.js';
import { downloadModel } from '../../../src/hub/models.js';
import { codeOf, fixtureModel } from '../../support/fixtures.js';
import { type HubServer, Loopback, sendFile, startHub } from '../../support/hub-server.js';

const SHA = 'b'.repeat(40);
const NAMES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const content = (name: string) => readFileSync(join(fixtureModel('qwen2-tied'), name));
const modelFiles = () => Object.fromEntries(NAMES.map((name) => [name, content(name)]));

/** A hub that has the model `org/name`. */
async function hubWithModel() {
  const { hub, home } = await startHub();
  hub.add('models/org/name@main', SHA, modelFiles());
  return { hub, home };
}

/** Lets the hub redirect to a store for the weights, without a word about them. */
function redirectWeights(hub: HubServer, store: Loopback): void {
  hub.before = ({ url }, response) => {
    if (!url!.endsWith('model.safetensors')) return false;
    response.writeHead(302, { location: store.url }).end();
    return true;
  };
}

describe('the token', () => {
  const sent = (hub: Loopback) => [...new Set(hub.requests.map(({ authorization }) => authorization))];

  it.each([
    ['HF_TOKEN', 'hf_environment'],
    ['HUGGING_FACE_HUB_TOKEN', 'hf_older'],
  ])('is that of %s, before the saved one', async (name, token) => {
    const { hub, home } = await hubWithModel();
    writeFileSync(join(home, 'token'), 'hf_saved');
    vi.stubEnv(name, ` ${token}\n`);
    await downloadModel('org/name', 'main');
    expect(sent(hub)).toEqual([`Bearer ${token}`]);
  });

  it('is the one that hf auth login saved', async () => {
    const { hub, home } = await hubWithModel();
    writeFileSync(join(home, 'token'), 'hf_saved\n');
    await downloadModel('org/name', 'main');
    expect(sent(hub)).toEqual(['Bearer hf_saved']);
  });

  it('is in the file that HF_TOKEN_PATH names', async () => {
    const { hub, home } = await hubWithModel();
    writeFileSync(join(home, 'mine'), 'hf_mine');
    vi.stubEnv('HF_TOKEN_PATH', join(home, 'mine'));
    await downloadModel('org/name', 'main');
    expect(sent(hub)).toEqual(['Bearer hf_mine']);
  });

  it('goes to the endpoint alone, not to the server that a redirect leads to', async () => {
    const { hub } = await hubWithModel();
    const store = await new Loopback((request, response) => {
      sendFile(request, response, content('model.safetensors'), { etag: '"d41d8cd98f00b204"' });
      return true;
    }).start();
    hub.before = ({ url }, response) => {
      if (!url!.endsWith('model.safetensors')) return false;
      response.writeHead(302, { location: `${store.url}/a/b` }).end();
      return true;
    };
    vi.stubEnv('HF_TOKEN', 'hf_secret');
    const folder = await downloadModel('org/name', 'main');
    expect(readFileSync(join(folder, 'model.safetensors')).equals(content('model.safetensors'))).toBe(true);
    expect(sent(hub)).toEqual(['Bearer hf_secret']);
    expect(store.requests.length).toBeGreaterThan(1);
    expect(sent(store)).toEqual([undefined]);
  });
});

describe('a mirror', () => {
  it('may redirect without an etag, within its own server', async () => {
    const { hub } = await hubWithModel();
    hub.before = ({ url }, response) => {
      if (!url!.startsWith('/org/name/resolve')) return false;
      response.writeHead(307, { location: url!.replace('/org/name', '/org/newer') }).end();
      return true;
    };
    hub.add('models/org/newer@main', SHA, modelFiles());
    const folder = await downloadModel('org/name', 'main');
    expect(readFileSync(join(folder, 'config.json')).equals(content('config.json'))).toBe(true);
  });

  it('may say no etag at all: the size is checked', async () => {
    const { hub, home } = await hubWithModel();
    let body = content('model.safetensors').subarray(1);
    const store = await new Loopback((request, response) => {
      if (request.method === 'HEAD')
        response.writeHead(200, { 'content-length': content('model.safetensors').length }).end();
      else response.end(body);
      return true;
    }).start();
    redirectWeights(hub, store);
    expect(await codeOf(downloadModel('org/name', 'main'))).toBe('HUB_INTERRUPTED');
    body = content('model.safetensors');
    const folder = await downloadModel('org/name', 'main');
    expect(readFileSync(join(folder, 'model.safetensors')).equals(body)).toBe(true);
    const blobs = readdirSync(join(home, 'hub', 'models--org--name', 'blobs'));
    expect(blobs.filter((name) => /^[0-9a-f]{64}$/.test(name))).toHaveLength(1);
  }, 20_000);

  it('that stores by other hashes is not taken at its word for them', async () => {
    // As the hub's own store: its etag has the form of a SHA-256, and is another hash.
    const { hub } = await hubWithModel();
    const store = await new Loopback((request, response) => {
      sendFile(request, response, content('model.safetensors'), { etag: `"${'c'.repeat(64)}"` });
      return true;
    }).start();
    redirectWeights(hub, store);
    const folder = await downloadModel('org/name', 'main');
    expect(readFileSync(join(folder, 'model.safetensors')).equals(content('model.safetensors'))).toBe(true);
  });
});

describe('a server that is asked too often', () => {
  const refusing = (times: number, retryAfter?: string) => async () => {
    const { hub } = await hubWithModel();
    let left = times;
    hub.before = (_, response) => {
      if (left-- <= 0) return false;
      response.writeHead(429, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();
      return true;
    };
    return hub;
  };

  it.each([['0'], [new Date(0).toUTCString()]])('is asked again when it says (%s)', async (when) => {
    const hub = await refusing(3, when)();
    const folder = await downloadModel('org/name', 'main');
    expect(existsSync(join(folder, 'model.safetensors'))).toBe(true);
    expect(hub.requests.filter(({ path }) => path.startsWith('/api/'))).toHaveLength(4);
  });

  it('is not waited for without end', async () => {
    await refusing(1, '3600')();
    await expect(downloadModel('org/name', 'main')).rejects.toMatchObject({ code: 'HUB_BUSY', value: 3600 });
    await refusing(100, '0')();
    expect(await codeOf(downloadModel('org/name', 'main'))).toBe('HUB_BUSY');
  });
});

describe('a refusal', () => {
  it.each([
    [403, 'GatedRepo', 'HUB_ACCESS', 'https://huggingface.co/org/name'],
    [401, undefined, 'HUB_ACCESS', 'https://huggingface.co/org/name'],
    [401, 'RepoNotFound', 'HUB_NOT_FOUND', 'hf auth login'],
    [404, 'RevisionNotFound', 'HUB_REVISION', 'main'],
  ])('%i with %s is %s, and says what helps', async (status, reason, code, fix) => {
    const { hub } = await hubWithModel();
    hub.before = (_, response) => {
      response.writeHead(status, reason === undefined ? {} : { 'x-error-code': reason }).end();
      return true;
    };
    const error = await downloadModel('org/name', 'v1').catch((one: unknown) => one);
    expect(error).toMatchObject({ code });
    expect((error as { fix: string }).fix).toContain(fix);
  });

  it('names an endpoint that is none', async () => {
    await hubWithModel();
    vi.stubEnv('HF_ENDPOINT', 'hf-mirror.com');
    expect(await codeOf(downloadModel('org/name', 'main'))).toBe('HUB_ENDPOINT');
  });
});

it('fetches chat templates, wherever the repository has them', async () => {
  const { hub } = await startHub();
  const templates = { 'chat_template.jinja': '{{ a }}', 'additional_chat_templates/tools.jinja': '{{ b }}' };
  hub.add('models/org/name@main', SHA, {
    ...modelFiles(),
    ...templates,
    'additional_chat_templates/../../x.jinja': 'outside',
    'README.md': 'not needed',
  });
  const folder = await downloadModel('org/name', 'main');
  for (const [name, text] of Object.entries(templates))
    expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  expect(readdirSync(folder).sort()).toEqual(
    [...NAMES, 'additional_chat_templates', 'chat_template.jinja'].sort(),
  );
});

it('knows the home folder in HF_HOME, HF_HUB_CACHE and HF_TOKEN_PATH', async () => {
  await startHub();
  vi.stubEnv('HF_HOME', '~/hf');
  expect(cacheFolder()).toBe(join(homedir(), 'hf', 'hub'));
  expect(tokenFile()).toBe(join(homedir(), 'hf', 'token'));
  vi.stubEnv('HF_HUB_CACHE', '~/cache');
  vi.stubEnv('HF_TOKEN_PATH', '~/token');
  expect(cacheFolder()).toBe(join(homedir(), 'cache'));
  expect(tokenFile()).toBe(join(homedir(), 'token'));
});

describe('a proxy', () => {
  /** A proxy that makes tunnels (CONNECT), and what it was asked to connect. */
  async function startProxy(status = 200) {
    const asked: string[] = [];
    const server = createServer();
    server.on('connect', (request, client) => {
      asked.push(request.url!);
      if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      const [host, port] = request.url!.split(':');
      const target = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        target.pipe(client).pipe(target);
      });
      for (const socket of [client, target]) socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it.each(['HTTP_PROXY', 'http_proxy'])('that %s names is gone through', async (name) => {
    const { hub } = await hubWithModel();
    const proxy = await startProxy();
    vi.stubEnv(name, proxy.url);
    vi.stubEnv('HF_TOKEN', 'hf_x');
    const folder = await downloadModel('org/name', 'main');
    expect(readFileSync(join(folder, 'config.json')).equals(content('config.json'))).toBe(true);
    expect(new Set(proxy.asked)).toEqual(new Set([new URL(hub.url).host]));
    expect(hub.requests.every(({ authorization }) => authorization === 'Bearer hf_x')).toBe(true);
  });

  it('is left out for the hosts of NO_PROXY', async () => {
    await hubWithModel();
    const proxy = await startProxy();
    vi.stubEnv('HTTP_PROXY', proxy.url);
    vi.stubEnv('NO_PROXY', 'example.com,127.0.0.1');
    await downloadModel('org/name', 'main');
    expect(proxy.asked).toEqual([]);
  });

  it('of HTTPS_PROXY is for https', async () => {
    await hubWithModel();
    const proxy = await startProxy(503);
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    await downloadModel('org/name', 'main');
    expect(proxy.asked).toEqual([]);
    vi.stubEnv('HF_ENDPOINT', 'https://hub.example');
    expect(await codeOf(downloadModel('org/other', 'main'))).toBe('HUB_UNREACHABLE');
    expect(proxy.asked).toEqual(['hub.example:443']);
  });

  it('that refuses, isn’t there or has no address is an error that names the variable', async () => {
    await hubWithModel();
    vi.stubEnv('HTTP_PROXY', (await startProxy(407)).url);
    await expect(downloadModel('org/name', 'main')).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      fix: expect.stringContaining('HTTP_PROXY') as string,
    });
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1');
    expect(await codeOf(downloadModel('org/name', 'main'))).toBe('HUB_UNREACHABLE');
    vi.stubEnv('HTTP_PROXY', 'not an address');
    expect(await codeOf(downloadModel('org/name', 'main'))).toBe('HUB_PROXY');
  });
});

it('leaves a cache of other tools as it was', async () => {
  const { hub, home } = await hubWithModel();
  const folder = join(home, 'hub', 'models--org--name', 'snapshots', SHA);
  mkdirSync(folder, { recursive: true });
  for (const name of NAMES) writeFileSync(join(folder, name), content(name));
  mkdirSync(join(home, 'hub', 'models--org--name', 'refs'), { recursive: true });
  writeFileSync(join(home, 'hub', 'models--org--name', 'refs', 'main'), SHA);
  expect(await downloadModel('org/name', 'main')).toBe(folder);
  expect(hub.requests).toEqual([]);
});
