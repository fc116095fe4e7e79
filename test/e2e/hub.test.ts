/** `export` and `push`, after a run of the embedded model. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { PushServer } from '../support/push-server.js';
import { place } from '../support/small-run.js';

/** A run of two steps of the embedded model, evaluated before and after. */
async function trained(): Promise<string> {
  const { train, run } = place();
  const { code, stderr } = await train('taught', { model: 'tiny', 'max-steps': 2, 'eval-samples': 8 });
  expect(code, stderr).toBe(0);
  return run('taught');
}

describe('export', () => {
  it('writes a GGUF file where it is told to, and says what it wrote', async () => {
    const folder = temporaryFolder();
    const told = await cli(['export', 'tiny', '--dtype', 'q8_0', '--json'], { cwd: folder });
    expect(told.code, told.stderr).toBe(0);
    const file = join(folder, 'tiny-Q8_0.gguf');
    expect(JSON.parse(told.stdout)).toMatchObject({ file, bytes: readFileSync(file).length, dtype: 'q8_0' });
    expect(readFileSync(file).toString('latin1', 0, 4)).toBe('GGUF');
    const named = await cli(['export', 'tiny', '--output', 'other.gguf'], { cwd: folder });
    expect(named.stdout).toContain(join(folder, 'other.gguf'));
  });

  it.each([
    [['export'], 'USAGE'],
    [['export', 'tiny', 'more'], 'USAGE'],
    [['export', 'tiny', '--dtype', 'q4_0'], 'BAD_OPTION'],
    [['export', 'no-such-model'], 'MODEL_NOT_FOUND'],
    [['push'], 'USAGE'],
    [['push', 'runs/none'], 'USAGE'],
    [['push', 'runs/none', 'name', '--dry-run'], 'HUB_NAME'],
    [['push', 'runs/none', 'me/name', '--dry-run'], 'RUN_NOT_FOUND'],
    [['push', 'runs/none', 'me/name'], 'HUB_NO_TOKEN'],
  ])('and push: %j ends with %s', async (args, error) => {
    const env = { HF_HOME: temporaryFolder(), HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: '', HF_HUB_OFFLINE: '' };
    const { code, stderr } = await cli(args, { env });
    expect(stderr).toMatch(new RegExp(`^error ${error}: .*\\nfix: `));
    expect(code).toBe(2);
  });
});

describe('push', () => {
  it('uploads the final model of a run with its card; --dry-run only writes them', async () => {
    const run = await trained();
    const server = await new PushServer().start();
    const env = {
      HF_ENDPOINT: server.url,
      HF_HOME: temporaryFolder(),
      HF_TOKEN: 'hf_me',
      HF_HUB_OFFLINE: '',
    };
    const dry = await cli(['push', run, 'me/taught', '--dry-run'], { env });
    expect(dry.code, dry.stderr).toBe(0);
    expect(dry.stdout.trim()).toBe(join(run, 'hub'));
    expect(existsSync(join(run, 'hub', 'model.safetensors'))).toBe(true);
    expect(server.files.size).toBe(0);

    const pushed = await cli(['push', run, 'me/taught', '--private', '--json'], { env });
    expect(pushed.code, pushed.stderr).toBe(0);
    expect(JSON.parse(pushed.stdout)).toMatchObject({ url: `${server.url}/me/taught` });
    expect(server.repositories.get('me/taught')).toBe('private');
    expect(server.files.get('me/taught/model.safetensors')).toEqual(
      readFileSync(join(run, 'final', 'model.safetensors')),
    );
    const card = server.files.get('me/taught/README.md')!.toString();
    expect(card).toContain('held-out accuracy');
    expect(card).toContain('npx grpo-native train');

    const refused = await cli(['push', run, 'other/taught'], { env });
    expect(refused.stderr).toMatch(/^error HUB_PUSH_REFUSED: /m);
  });
});
