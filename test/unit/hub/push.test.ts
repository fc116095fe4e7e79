import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkPush, pushFiles } from '../../../src/hub/push.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';
import { startPushServer } from '../../support/push-server.js';

afterEach(() => void vi.unstubAllEnvs());

/** Files of a model, on the disk. */
function someFiles() {
  const folder = temporaryFolder();
  const contents = { 'README.md': '# é', 'model.safetensors': 'w'.repeat(70_000) };
  const files = Object.entries(contents).map(([path, text]) => {
    writeFileSync(join(folder, path), text);
    return { path, file: join(folder, path) };
  });
  return { contents, files };
}

const options = { id: 'me/taught', isPrivate: false, title: 'run of grpo-native' };

describe('files', () => {
  it('are uploaded into a repository that is made, as one commit', async () => {
    const server = await startPushServer();
    const { files, contents } = someFiles();
    expect(await pushFiles(files, options)).toBe(`${server.url}/me/taught`);
    expect(server.repositories.get('me/taught')).toBe('public');
    expect(server.title).toBe('run of grpo-native');
    for (const [path, text] of Object.entries(contents))
      expect(server.files.get(`me/taught/${path}`)?.toString()).toBe(text);
  });

  it('may go into a private one, and into one that is there', async () => {
    const server = await startPushServer();
    const { files } = someFiles();
    await pushFiles(files, { ...options, isPrivate: true });
    expect(server.repositories.get('me/taught')).toBe('private');
    writeFileSync(files[0]!.file, 'changed');
    await pushFiles(files, options);
    expect(server.files.get('me/taught/README.md')?.toString()).toBe('changed');
    expect(server.repositories.get('me/taught')).toBe('private');
  });

  it('go with a token of any form, which only the endpoint gets', async () => {
    const server = await startPushServer();
    const { files } = someFiles();
    await pushFiles(files, options);
    const tokens = (store: boolean) =>
      new Set(
        server.requests
          .filter(({ path }) => path.startsWith('/store/') === store)
          .map((one) => one.authorization),
      );
    expect(tokens(false)).toEqual(new Set(['Bearer hf_me']));
    vi.stubEnv('HF_TOKEN', 'not-of-the-hub');
    expect(await codeOf(pushFiles(files, options))).toBe('HUB_PUSH_REFUSED');
  });
});

describe('what cannot be uploaded', () => {
  it('says why', async () => {
    const server = await startPushServer();
    const { files } = someFiles();
    await expect(pushFiles(files, { ...options, id: 'other/taught' })).rejects.toMatchObject({
      code: 'HUB_PUSH_REFUSED',
      fix: expect.stringContaining('me/taught') as string,
    });
    server.status = 500;
    expect(await codeOf(pushFiles(files, options))).toBe('HUB_FAILED');
    server.status = 0;
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
    expect(await codeOf(pushFiles(files, options))).toBe('HUB_UNREACHABLE');
  });

  it('is refused before anything is asked', async () => {
    const server = await startPushServer();
    for (const id of ['taught', 'me/../x', 'me/a b', 'a/b/c', 'me/a--b'])
      expect(await codeOf(checkPush(id))).toBe('HUB_NAME');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await codeOf(checkPush('me/taught'))).toBe('HUB_OFFLINE');
    vi.stubEnv('HF_HUB_OFFLINE', '');
    vi.stubEnv('HF_TOKEN', '');
    vi.stubEnv('HUGGING_FACE_HUB_TOKEN', '');
    expect(await codeOf(checkPush('me/taught'))).toBe('HUB_NO_TOKEN');
    expect(server.requests).toEqual([]);
  });

  it('can be aborted', async () => {
    await startPushServer();
    const { files } = someFiles();
    await expect(pushFiles(files, { ...options, signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
