/** Adapters in folders: what is read, what is refused, and which model they are for. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  adapterConfig,
  checkAdapter,
  locateAdapter,
  readAdapter,
  resolveSource,
} from '../../../src/model/adapter.js';
import { readModelConfig } from '../../../src/model/config.js';
import { fingerprint } from '../../../src/model/fingerprint.js';
import { adapterCount, checkLora, engineLora, loraOf, type Lora } from '../../../src/model/lora.js';
import { resolveModel } from '../../../src/model/files.js';
import { codeOf, fixtureModel, temporaryFolder } from '../../support/fixtures.js';
import { startHub } from '../../support/hub-server.js';
import { readTensorFile, writeTensorFile } from '../../support/safetensors.js';

const BASE = fixtureModel('qwen2-tied');

/** A copy of PEFT's adapter with fields of its configuration changed. */
function adapterWith(fields: Record<string, unknown> = {}, kind = 'lora'): string {
  const folder = temporaryFolder();
  cpSync(join(BASE, kind), folder, { recursive: true });
  const file = join(folder, 'adapter_config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: BASE, ...fields }));
  return folder;
}

describe('an adapter', () => {
  it('is read as PEFT wrote it', async () => {
    expect((await readAdapter(adapterWith())).lora).toEqual({
      r: 3,
      alpha: 6,
      targetModules: null,
      rslora: false,
    });
    const { lora } = await readAdapter(adapterWith({}, 'rslora'));
    expect(lora).toEqual({ r: 4, alpha: 5, targetModules: ['q_proj', 'down_proj'], rslora: true });
    expect(engineLora(lora, 7)).toEqual({
      r: 4,
      scale: 2.5,
      targetModules: ['q_proj', 'down_proj'],
      seed: 7,
    });
  });

  it('is read as it is written', async () => {
    const folder = temporaryFolder();
    const lora = { r: 8, alpha: 12, targetModules: ['v_proj'] as const, rslora: true };
    writeFileSync(join(folder, 'adapter_config.json'), adapterConfig(lora, 'user/model'));
    expect(await readAdapter(folder)).toEqual({ folder, base: 'user/model', lora, dropout: 0 });
  });

  it('names its model: a folder, or one that is beside it', async () => {
    const folder = adapterWith();
    expect(await resolveSource(folder)).toMatchObject({ folder: BASE, base: BASE, adapter: { folder } });
    const beside = join(temporaryFolder(), 'runs', 'adapter');
    cpSync(folder, beside, { recursive: true });
    const config = { ...(JSON.parse(readFileSync(join(beside, 'adapter_config.json'), 'utf8')) as object) };
    cpSync(BASE, join(beside, '..', 'base'), { recursive: true });
    writeFileSync(
      join(beside, 'adapter_config.json'),
      JSON.stringify({ ...config, base_model_name_or_path: '../base' }),
    );
    expect((await resolveSource(beside)).folder).toBe(await resolveModel(join(beside, '..', 'base')));
  });

  it('names a model of the hub by its revision', async () => {
    const folder = adapterWith({ base_model_name_or_path: 'org/model', revision: 'v1' });
    const { base, lora } = await readAdapter(folder);
    expect(base).toBe('org/model@v1');
    expect(JSON.parse(adapterConfig(lora, base!))).toMatchObject({
      base_model_name_or_path: 'org/model',
      revision: 'v1',
    });
    for (const path of ['org/model', '/a/b@c'])
      expect(JSON.parse(adapterConfig(lora, path))).toMatchObject({
        base_model_name_or_path: path,
        revision: null,
      });
    expect((await readAdapter(adapterWith({ revision: 'v1' }))).base).toBe(BASE);
  });

  it("may have its model's configuration beside it, and dropout", async () => {
    const folder = adapterWith({ lora_dropout: 0.05 });
    cpSync(join(BASE, 'config.json'), join(folder, 'config.json'));
    expect(await resolveSource(folder)).toMatchObject({ folder: BASE, adapter: { folder, dropout: 0.05 } });
    expect(await resolveSource(BASE, {}, folder)).toMatchObject({ adapter: { folder } });
    // With the weights of a whole model it is one.
    cpSync(join(BASE, 'model.safetensors'), join(folder, 'model.safetensors'));
    expect(await resolveSource(folder)).toMatchObject({ folder, adapter: undefined });
  });

  it('is found on the hub, with its model', async () => {
    const { hub, home } = await startHub();
    const folder = adapterWith({ base_model_name_or_path: 'org/model', revision: 'v1' });
    const filesOf = (from: string, names: string[]) =>
      Object.fromEntries(names.map((name) => [name, readFileSync(join(from, name))]));
    const own = ['adapter_config.json', 'adapter_model.safetensors'];
    const model = ['config.json', 'tokenizer.json', 'model.safetensors'];
    hub.add('models/me/adapter@main', 'a'.repeat(40), { ...filesOf(folder, own), 'README.md': '' });
    hub.add('models/org/model@v1', 'b'.repeat(40), filesOf(BASE, model));
    const found = await resolveSource('me/adapter');
    expect(found.base).toBe('org/model@v1');
    expect(found.folder).toBe(join(home, 'hub', 'models--org--model', 'snapshots', 'b'.repeat(40)));
    const { lora } = await readAdapter(found.adapter!.folder);
    const config = await readModelConfig(found.folder);
    expect(await locateAdapter({ folder: found.adapter!.folder, lora }, config)).not.toHaveLength(0);
    const asked = hub.requests.length;
    expect(await resolveSource('me/adapter')).toEqual(found);
    expect(hub.requests).toHaveLength(asked);

    hub.add('models/me/old@main', 'c'.repeat(40), filesOf(folder, own.slice(0, 1)));
    expect(await codeOf(() => resolveSource('me/old'))).toBe('HUB_FILES');
  });

  it('may be given beside its model', async () => {
    const folder = adapterWith({ base_model_name_or_path: '/nowhere' });
    expect(await resolveSource(BASE, {}, folder)).toMatchObject({ folder: BASE, adapter: { folder } });
    expect(await resolveSource('tiny')).toMatchObject({ base: 'tiny', adapter: undefined });
  });

  it.each([
    ['DoRA', { use_dora: true }],
    ['another kind', { peft_type: 'IA3' }],
    ['modules that are saved whole', { modules_to_save: ['lm_head'] }],
    ['biases', { bias: 'all' }],
    ['ranks by layer', { rank_pattern: { q_proj: 4 } }],
    ['some layers alone', { layers_to_transform: [1] }],
    ['a pattern of modules', { target_modules: '.*_proj' }],
    ['the embeddings', { target_modules: ['q_proj', 'embed_tokens'] }],
    ['another beginning of the model', { init_lora_weights: 'pissa_niter_16' }],
    ['tokens that switch it on', { alora_invocation_tokens: [1] }],
    ['repeated layers', { layer_replication: [[0, 2]] }],
  ])('with %s is refused', async (_, fields) => {
    const error = await readAdapter(adapterWith(fields)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ADAPTER_UNSUPPORTED',
      fix: expect.stringContaining('merge_and_unload') as string,
    });
  });

  it.each([
    ['no rank', { r: 0 }],
    ['an alpha that is none', { lora_alpha: 'a' }],
  ])('with %s is refused as damaged', async (_, fields) => {
    expect(await codeOf(() => readAdapter(adapterWith(fields)))).toBe('ADAPTER_INVALID');
  });

  it.each([['./gone'], [null]])('whose model is %s says how to name one', async (base) => {
    const folder = adapterWith({ base_model_name_or_path: base });
    await expect(resolveSource(folder)).rejects.toMatchObject({
      code: 'ADAPTER_BASE',
      fix: expect.stringContaining(`--model MODEL --adapter ${folder}`) as string,
    });
  });

  it('is one: on an adapter there is no second', async () => {
    const [one, two] = [adapterWith(), adapterWith()];
    expect(await codeOf(() => resolveSource(one, {}, two))).toBe('ADAPTER_UNSUPPORTED');
    expect(await codeOf(() => resolveSource(adapterWith({ base_model_name_or_path: two })))).toBe(
      'ADAPTER_UNSUPPORTED',
    );
    expect(await codeOf(() => resolveSource(BASE, {}, 'tiny'))).toBe('ADAPTER_INVALID');
    const several = temporaryFolder();
    cpSync(one, join(several, 'a'), { recursive: true });
    cpSync(two, join(several, 'b'), { recursive: true });
    for (const source of [() => resolveSource(several), () => resolveSource(BASE, {}, several)])
      await expect(source()).rejects.toMatchObject({
        code: 'ADAPTER_UNSUPPORTED',
        message: `${several} holds several adapters: a, b`,
        fix: expect.stringContaining(join(several, 'a')) as string,
      });
  });
});

describe("an adapter's tensors", () => {
  const config = () => readModelConfig(BASE);

  it('are all there, of their shapes', async () => {
    const folder = adapterWith();
    const { lora } = await readAdapter(folder);
    const tensors = await locateAdapter({ folder, lora }, await config());
    expect(tensors).toHaveLength(2 * 7 * (await config()).numHiddenLayers);
    const numbers = tensors.reduce((sum, { shape: [rows, columns] }) => sum + rows! * columns!, 0);
    expect(adapterCount(await config(), lora)).toBe(numbers);
  });

  it('that are missing, of another shape or of another layer are refused', async () => {
    const folder = adapterWith();
    const { lora } = await readAdapter(folder);
    const file = join(folder, 'adapter_model.safetensors');
    const { tensors } = readTensorFile(file);
    const [name, first] = [...tensors][0]!;
    const locate = async () => locateAdapter({ folder, lora }, await config());
    writeTensorFile(file, new Map([...tensors].slice(1)));
    expect(await codeOf(locate)).toBe('ADAPTER_INVALID');
    writeTensorFile(file, new Map([...tensors, [name, { ...first, shape: first.shape.toReversed() }]]));
    expect(await codeOf(locate)).toBe('ADAPTER_INVALID');
    writeTensorFile(file, new Map([...tensors, ['base_model.model.lm_head.lora_A.weight', first]]));
    expect(await codeOf(locate)).toBe('ADAPTER_UNSUPPORTED');
    rmSync(file);
    mkdirSync(join(folder, 'other'));
    expect(await codeOf(locate)).toBe('ADAPTER_INVALID');
  });
});

it('a program is told of options that are none, and of those of another adapter', async () => {
  const lora = { r: 4, alpha: 8, targetModules: null, rslora: false };
  checkLora(lora);
  for (const wrong of [
    { r: 0 },
    { r: 1.5 },
    { alpha: NaN },
    { targetModules: [] },
    { targetModules: ['lm_head'] },
  ])
    expect(await codeOf(() => checkLora({ ...lora, ...wrong } as Lora))).toBe('BAD_OPTION');
  const own = await readAdapter(adapterWith({}, 'rslora'));
  checkAdapter(own, { ...own.lora, targetModules: ['down_proj', 'q_proj'] });
  expect(() => checkAdapter(own, { ...own.lora, r: 8 })).toThrow(
    expect.objectContaining({
      code: 'ADAPTER_OPTIONS',
      fix: expect.stringContaining(
        '--use-peft --lora-r 4 --lora-alpha 5 --lora-target-modules q_proj,down_proj --use-rslora',
      ) as string,
    }) as Error,
  );
});

it('models are told apart by their numbers', async () => {
  const copy = temporaryFolder();
  cpSync(BASE, copy, { recursive: true });
  const config = await readModelConfig(BASE);
  const before = await fingerprint(BASE, config);
  expect(await fingerprint(copy, config)).toBe(before);
  const file = join(copy, 'model.safetensors');
  const { tensors } = readTensorFile(file);
  const [name, last] = [...tensors].at(-1)!;
  writeTensorFile(file, tensors.set(name, { ...last, values: last.values.map((value) => value * 1.001) }));
  expect(await fingerprint(copy, config)).not.toBe(before);
});

it('options ask for adapters only where use_peft does', () => {
  const options = { loraR: 4, loraAlpha: 8, loraTargetModules: null, useRslora: false };
  expect(loraOf({ ...options, usePeft: false })).toBeNull();
  expect(engineLora(loraOf({ ...options, usePeft: true })!, 1)).toMatchObject({ r: 4, scale: 2 });
  const targets = (loraTargetModules: Parameters<typeof loraOf>[0]['loraTargetModules']) =>
    loraOf({ ...options, usePeft: true, loraTargetModules })!.targetModules;
  expect(targets('all-linear')).toBeNull();
  expect(targets('v_proj')).toEqual(['v_proj']);
  expect(targets(['v_proj', 'q_proj'])).toEqual(['v_proj', 'q_proj']);
});
