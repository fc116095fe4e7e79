/** What is saved is what was there, in the form that transformers reads, and training goes on from it. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import { codeOf, fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { ADAMW, batchOf, loadModel, MODELS, tensorsOf, tokenCount } from '../support/models.js';
import { randomFloats, randomTokens } from '../support/numbers.js';
import { readTensorFile, writeTensorFile } from '../support/safetensors.js';

const IDS = randomTokens(12, 3);

/** Takes optimiser steps `from` up to `to` of a small course. */
async function train(model: LanguageModel, from: number, to: number) {
  for (let step = from; step < to; step++) {
    const batch = batchOf([
      { prompt: randomTokens(4, step), completions: [randomTokens(6, step + 100), [1, 2]] },
    ]);
    await model.forward(batch, 0.7);
    await model.backward(randomFloats(tokenCount(batch), step));
    await model.optimizerStep({ ...ADAMW, weightDecay: 0.01, maxGradNorm: 1 });
  }
}

describe.each([...MODELS, 'qwen2-tied-bf16-sharded'])('a saved %s', (name) => {
  it('loads with the same weights and logits, bit for bit, after training too', async () => {
    const model = await loadModel(fixtureModel(name));
    await train(model, 0, 2);
    const folder = join(temporaryFolder(), 'final');
    await model.save(folder);
    const again = await loadModel(folder);
    expect(await tensorsOf(again, 'weight')).toEqual(await tensorsOf(model, 'weight'));
    expect(await again.engine.logits(IDS)).toEqual(await model.engine.logits(IDS));
    expect(again.config).toEqual(model.config);
    expect(again.eosTokenIds).toEqual(model.eosTokenIds);
  });
});

describe('a chat template', () => {
  const turn = [{ role: 'user', content: '7' }];
  const FILE = 'chat_template.jinja';
  const inConfig = JSON.stringify({ chat_template: 'config', eos_token: '<|endoftext|>' });

  it.each<[string, Record<string, string>, string | undefined, string, string | undefined]>([
    ['a file of its own', { [FILE]: 'own' }, undefined, 'own', 'own'],
    ['its configuration', { 'tokenizer_config.json': inConfig }, undefined, 'config', undefined],
    ['a folder', { 'additional_chat_templates/default.jinja': 'named' }, undefined, 'named', 'named'],
    ['a file that it was given, in place of its own', { [FILE]: 'own' }, 'given', 'given', 'given'],
  ])('of %s is saved with the model', async (_, files, given, rendered, saved) => {
    const folder = temporaryFolder();
    cpSync(fixtureModel('qwen2-tied'), folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    const chatTemplatePath = given === undefined ? null : join(temporaryFolder(), 'other.jinja');
    if (chatTemplatePath !== null) writeFileSync(chatTemplatePath, given!);
    const model = await loadModel(folder, { chatTemplatePath, chat: true });
    const target = join(temporaryFolder(), 'final');
    await model.save(target);
    const again = await loadModel(target, { chat: true });
    for (const one of [model, again]) {
      expect(one.promptIds(turn)).toEqual(one.tokenizer.encode(rendered));
      expect(one.promptIds('7')).toEqual(one.tokenizer.encodePrompt('7'));
    }
    expect(existsSync(join(target, FILE)) ? readFileSync(join(target, FILE), 'utf8') : undefined).toBe(saved);
  });

  it('is missing before weights are read, where conversations are to come', async () => {
    const folder = temporaryFolder();
    cpSync(fixtureModel('qwen2-tied'), folder, { recursive: true });
    expect(await codeOf(loadModel(folder, { chat: true }))).toBe('CHAT_TEMPLATE_MISSING');
    expect(await codeOf(async () => (await loadModel(folder)).promptIds(turn))).toBe('CHAT_TEMPLATE_MISSING');
    writeFileSync(join(folder, FILE), '{% if %}');
    expect(await codeOf(loadModel(folder, { chat: true }))).toBe('CHAT_TEMPLATE_FAILED');
    expect((await loadModel(folder)).promptIds('7')).toHaveLength(1);
  });
});

describe('a model whose files are links', () => {
  it('is read, wherever they lead, and saved where that is known to be the model', async () => {
    const folder = temporaryFolder();
    const original = fixtureModel('qwen2-tied');
    for (const name of readdirSync(original)) symlinkSync(join(original, name), join(folder, name));
    const model = await loadModel(folder);
    expect(await model.engine.logits(IDS)).toEqual(await (await loadModel(original)).engine.logits(IDS));
    expect(await codeOf(() => model.checkSaveable())).toBe('MODEL_LINK');
    const target = join(temporaryFolder(), 'final');
    expect(await codeOf(model.save(target))).toBe('MODEL_LINK');
    expect(await codeOf(model.snapshot())).toBe('MODEL_LINK');
    expect(existsSync(target)).toBe(false);
  });
});

describe('a model whose weights have the names of one without a head', () => {
  it('is saved under those that transformers gives one with a head', async () => {
    const folder = temporaryFolder();
    cpSync(fixtureModel('qwen2-tied'), folder, { recursive: true });
    const { tensors } = readTensorFile(join(folder, 'model.safetensors'));
    const short = [...tensors].map(([name, tensor]) => [name.replace(/^model\./, ''), tensor] as const);
    writeTensorFile(join(folder, 'model.safetensors'), new Map(short));
    const model = await loadModel(folder);
    const target = join(temporaryFolder(), 'final');
    await model.save(target);
    const saved = readTensorFile(join(target, 'model.safetensors')).tensors;
    expect([...saved.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { values }] of tensors) expect(saved.get(name)!.values).toEqual(values);
  });
});

describe.each(MODELS)('the folder of an untrained %s', (name) => {
  // transformers 5 wrote the fixture: what it wrote is what it reads.
  it("holds transformers' own tensors: names, shapes and every bit", async () => {
    const model = await loadModel(fixtureModel(name));
    const folder = temporaryFolder();
    await model.save(folder);
    const saved = readTensorFile(join(folder, 'model.safetensors'));
    const original = readTensorFile(join(fixtureModel(name), 'model.safetensors'));
    const contents = ({ tensors }: typeof saved) =>
      Object.fromEntries(
        [...tensors].map(([key, { dtype, shape, values }]) => [key, { dtype, shape, values }]),
      );
    expect(contents(saved)).toEqual(contents(original));

    // The format: data that begins at a multiple of 8 bytes, without gaps, to the end of the file.
    expect(saved.metadata).toEqual({ format: 'pt' });
    expect(saved.dataStart % 8).toBe(0);
    let offset = 0;
    for (const { shape, data_offsets } of saved.tensors.values()) {
      expect(data_offsets).toEqual([offset, offset + 4 * shape.reduce((size, side) => size * side, 1)]);
      offset = data_offsets[1];
    }
    expect(statSync(join(folder, 'model.safetensors')).size).toBe(saved.dataStart + offset);
  });

  it('holds its configuration, its tokenizer and nothing else', async () => {
    const model = await loadModel(fixtureModel(name));
    const folder = temporaryFolder();
    await model.save(folder);
    expect(readdirSync(folder).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const json = (where: string, file: string) =>
      JSON.parse(readFileSync(join(where, file), 'utf8')) as Record<string, unknown>;
    expect(json(folder, 'config.json')).toEqual({
      ...json(fixtureModel(name), 'config.json'),
      dtype: 'float32',
    });
    for (const file of ['generation_config.json', 'tokenizer.json', 'tokenizer_config.json'])
      expect(readFileSync(join(folder, file)), file).toEqual(readFileSync(join(fixtureModel(name), file)));
  });
});

describe('a saved optimiser', () => {
  it('goes on exactly as it would have without a stop', async () => {
    const whole = await loadModel(fixtureModel('qwen2-tied'));
    await train(whole, 0, 2);
    const folder = temporaryFolder();
    const optimizer = join(folder, 'optimizer.safetensors');
    await whole.save(folder);
    await whole.saveOptimizer(optimizer);
    await train(whole, 2, 4);

    const resumed = await loadModel(folder);
    await resumed.loadOptimizer(optimizer, 2);
    await train(resumed, 2, 4);
    for (const kind of ['weight', 'exp_avg', 'exp_avg_sq'] as const)
      expect(await tensorsOf(resumed, kind)).toEqual(await tensorsOf(whole, kind));

    // Another model's weights and moments put in place of an engine's own.
    const other = await loadModel(fixtureModel('qwen2-tied'));
    await train(other, 7, 8);
    await other.loadWeights(folder);
    await other.loadOptimizer(optimizer, 2);
    await train(other, 2, 4);
    expect(await tensorsOf(other, 'weight')).toEqual(await tensorsOf(whole, 'weight'));
  });

  it('without its count of steps goes elsewhere', async () => {
    const whole = await loadModel(fixtureModel('qwen2-tied'));
    await train(whole, 0, 2);
    const folder = temporaryFolder();
    await whole.save(folder);
    await whole.saveOptimizer(join(folder, 'optimizer.safetensors'));
    await train(whole, 2, 3);
    const resumed = await loadModel(folder);
    await resumed.loadOptimizer(join(folder, 'optimizer.safetensors'), 0);
    await train(resumed, 2, 3);
    expect(await tensorsOf(resumed, 'weight')).not.toEqual(await tensorsOf(whole, 'weight'));
  });

  it('of another model is refused', async () => {
    const model = await loadModel(fixtureModel('qwen2-tied'));
    const file = join(temporaryFolder(), 'optimizer.safetensors');
    const one = (key: string, size: number) =>
      new Map([[key, { shape: [size], values: new Float32Array(size) }]]);
    writeTensorFile(file, one('exp_avg.model.norm.weight', 32));
    expect(await codeOf(model.loadOptimizer(file, 1))).toBe('TENSOR_MISMATCH');
    writeTensorFile(file, one('exp_avg.model.nothing', 64));
    expect(await codeOf(model.loadOptimizer(file, 1))).toBe('TENSOR_UNKNOWN');
    writeTensorFile(file, one('momentum.model.norm.weight', 64));
    expect(await codeOf(model.loadOptimizer(file, 1))).toBe('CHECKPOINT_INVALID');
  });
});

describe('a save that fails', () => {
  it('says so and leaves no part of a file', async () => {
    const model = await loadModel(fixtureModel('qwen2-tied'));
    const folder = temporaryFolder();
    const header = new Uint8Array(8);
    const { engine } = model;
    const wrong = [{ name: 'model.nothing', kind: 'weight' as const }];
    expect(await codeOf(engine.writeTensors(join(folder, 'x'), header, wrong))).toBe('TENSOR_UNKNOWN');
    expect(readdirSync(folder)).toEqual([]);
    expect(await codeOf(model.saveOptimizer(join(folder, 'no', 'folder')))).toBe('FILE_WRITE');
  });

  it.skipIf(!existsSync('/dev/full'))(
    'tells a full disk, and removes nothing but files of its own',
    async () => {
      const model = await loadModel(fixtureModel('qwen2-tied'));
      // Through a link: whatever a save removes then, it is not the machine's device.
      const file = join(temporaryFolder(), 'optimizer.safetensors');
      symlinkSync('/dev/full', file);
      expect(await codeOf(model.saveOptimizer(file))).toBe('DISK_FULL');
      expect(lstatSync(file).isSymbolicLink()).toBe(true);
    },
  );
});
