import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { writeHubFolder } from '../../../src/ui/hub-folder.js';
import { codeOf, fixtureModel, temporaryFolder } from '../../support/fixtures.js';
import { startHub } from '../../support/hub-server.js';
import { writeRun, type MadeRun } from '../../support/run-folder.js';

/** The folder that a made-up run is pushed from. */
async function pushed(config: MadeRun['config'] = {}, final = fixtureModel('qwen2-tied')) {
  const run = writeRun(join(temporaryFolder(), 'qwen'), { steps: 10, config });
  cpSync(final, join(run, 'final'), { recursive: true });
  const notices: string[] = [];
  const told = (text: string) => {
    if (!text.startsWith('the weights of')) notices.push(text);
  };
  const written = await writeHubFolder(run, 'me/taught', told);
  const card = readFileSync(join(written.folder, 'README.md'), 'utf8');
  const [, head = '', body = ''] = /^---\n(.*?)\n---\n(.*)$/s.exec(card) ?? [];
  return { run, notices, ...written, head: parse(head) as Record<string, unknown>, body };
}

/** An adapter for a model of that name. */
function adapterFor(base: string): string {
  const folder = temporaryFolder();
  cpSync(join(fixtureModel('qwen2-tied'), 'lora'), folder, { recursive: true });
  const file = join(folder, 'adapter_config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: base }));
  return folder;
}

describe('a model card', () => {
  it('says the base model, its licence, the task, the accuracy with its interval and the command', async () => {
    const { hub } = await startHub();
    hub.before = ({ url }, response) => {
      if (url !== '/api/models/Qwen/Qwen2.5-0.5B') return false;
      response.end('{"cardData": {"license": "apache-2.0"}}');
      return true;
    };
    const { head, body } = await pushed({ model: 'Qwen/Qwen2.5-0.5B', beta: 0.25 });
    expect(head).toMatchObject({
      license: 'apache-2.0',
      base_model: 'Qwen/Qwen2.5-0.5B',
      library_name: 'transformers',
      tags: ['grpo-native', 'grpo'],
    });
    expect(JSON.stringify(head['model-index'])).toContain(
      '{"type":"accuracy","name":"held-out accuracy","value":0.8}',
    );
    expect(body).toContain('[Qwen/Qwen2.5-0.5B](https://huggingface.co/Qwen/Qwen2.5-0.5B)');
    expect(body).toContain('| held-out accuracy | 80.0% (95% interval 75.0% to 85.0%) |');
    expect(body).toContain('| before training | 20.0% (95% interval 15.0% to 25.0%) |');
    expect(body).toMatch(/npx grpo-native train --model Qwen\/Qwen2.5-0.5B .*--beta 0.25/);
    expect(body).toContain('| `beta` | `0.25` |');
    expect(body).toContain('(curves.svg)');
  });

  it('tells of a model of this machine its name alone, and no path', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const { head, body } = await pushed({ model: '/home/someone/models/mine', reward: '~/secret/reward.ts' });
    expect(head).not.toHaveProperty('base_model');
    expect(head).not.toHaveProperty('license');
    expect(body).toContain('`mine`, taught the task `arithmetic` by GRPO');
    expect(body).not.toMatch(/someone|secret/);
    vi.unstubAllEnvs();
  });
});

describe("an adapter's card", () => {
  it('says how PEFT loads it', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const { head, body, files, notices } = await pushed(
      { model: 'org/model', use_peft: true },
      adapterFor('org/model'),
    );
    expect(head).toMatchObject({ library_name: 'peft', base_model: 'org/model' });
    expect(body).toContain('AutoPeftModelForCausalLM.from_pretrained("me/taught")');
    expect(body).not.toContain('pipeline(');
    expect(files).toEqual(expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']));
    expect(notices).toEqual([]);
    vi.unstubAllEnvs();
  });

  it('of a model of this machine is of no use to others, which is said', async () => {
    const { notices } = await pushed({ model: '/models/mine', use_peft: true }, adapterFor('/models/mine'));
    expect(notices.join()).toMatch(/the adapter is for \/models\/mine, which is not of the hub/);
  });
});

describe('the folder', () => {
  it('has the files of the model and no others; weights take no second place on the disk', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const { run, folder, files } = await pushed();
    expect(folder).toBe(join(run, 'hub'));
    expect(files).toEqual([
      'README.md',
      'curves.svg',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(existsSync(join(folder, 'reference.json'))).toBe(false);
    expect(statSync(join(folder, 'model.safetensors')).ino).toBe(
      statSync(join(run, 'final', 'model.safetensors')).ino,
    );
    expect(readFileSync(join(folder, 'curves.svg'), 'utf8')).toContain('held-out accuracy');

    writeFileSync(join(folder, 'stale.txt'), '');
    await writeHubFolder(run, 'me/taught', () => undefined);
    expect(existsSync(join(folder, 'stale.txt'))).toBe(false);
    vi.unstubAllEnvs();
  });

  it('needs a run that has weights', async () => {
    const run = writeRun(join(temporaryFolder(), 'run'), { steps: 2 });
    expect(await codeOf(writeHubFolder(run, 'me/x', () => undefined))).toBe('INIT_FROM');
    expect(await codeOf(writeHubFolder(temporaryFolder(), 'me/x', () => undefined))).toBe('RUN_NOT_FOUND');
  });
});
