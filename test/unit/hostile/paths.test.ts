/** What a stranger's file names is never written to, nor taken along; and a file of options is data. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml, resolveConfig } from '../../../src/config/load.js';
import { TRAIN } from '../../../src/run/options.js';
import { trainDefaults } from '../../../src/experiments/train-defaults.js';
import { readModelConfig } from '../../../src/model/config.js';
import { resolveModel } from '../../../src/model/files.js';
import { locateTensors } from '../../../src/model/safetensors.js';
import { readKeptFiles } from '../../../src/model/saving.js';
import { loadRewards } from '../../../src/data/rewards/load.js';
import { RunFolder } from '../../../src/run/folder/folder.js';
import { faultOf } from '../../../src/run/folder/manifest.js';
import { readRun } from '../../../src/run/folder/read.js';
import { loadTask } from '../../../src/data/tasks/index.js';
import { codeOf, fixtureModel, temporaryFolder } from '../../support/fixtures.js';

function copyOf(model: string): string {
  const folder = join(temporaryFolder(), 'model');
  cpSync(fixtureModel(model), folder, { recursive: true });
  return folder;
}

describe('an index of shards', () => {
  it.each([
    '../secret.safetensors',
    '/tmp/secret.safetensors',
    'a/../../secret.safetensors',
    '..',
    'C:secret.safetensors',
  ])('that names %s is refused', async (shard) => {
    const folder = copyOf('qwen2-tied-bf16-sharded');
    const file = join(folder, 'model.safetensors.index.json');
    const index = JSON.parse(readFileSync(file, 'utf8')) as { weight_map: Record<string, string> };
    index.weight_map['model.norm.weight'] = shard;
    writeFileSync(file, JSON.stringify(index));
    const config = await readModelConfig(folder);
    expect(await codeOf(locateTensors(folder, config))).toBe('SAFETENSORS_INVALID');
  });
});

describe('what is saved with a model', () => {
  const names = async (folder: string) => [...(await readKeptFiles(folder)).keys()].sort();

  it('is not taken from elsewhere by a link', async () => {
    const folder = copyOf('qwen2-tied');
    const secret = join(temporaryFolder(), 'id_rsa');
    writeFileSync(secret, 'secret');
    symlinkSync(secret, join(folder, 'LICENSE'));
    expect(await codeOf(readKeptFiles(folder))).toBe('MODEL_LINK');
  });

  it('may be linked in the folder, and from a snapshot to the blobs of its repository', async () => {
    const folder = copyOf('qwen2-tied');
    symlinkSync('tokenizer.json', join(folder, 'vocab.json'));
    expect(await names(folder)).toContain('vocab.json');

    const repository = temporaryFolder();
    for (const name of ['blobs', 'snapshots']) mkdirSync(join(repository, name));
    const snapshot = join(repository, 'snapshots', 'a');
    cpSync(fixtureModel('qwen2-tied'), snapshot, { recursive: true });
    renameSync(join(snapshot, 'tokenizer.json'), join(repository, 'blobs', '0123456789'));
    symlinkSync('../../blobs/0123456789', join(snapshot, 'tokenizer.json'));
    expect(await names(snapshot)).toContain('tokenizer.json');
  });

  it('is neither a folder nor a link to nothing', async () => {
    const folder = copyOf('qwen2-tied');
    mkdirSync(join(folder, 'LICENSES'));
    symlinkSync('nowhere', join(folder, 'LICENSE'));
    expect((await names(folder)).filter((name) => name.startsWith('LICENSE'))).toEqual([]);
  });
});

describe('a run folder', () => {
  it.each(['metrics.csv', 'metrics.jsonl', 'completions.jsonl'])(
    'whose %s is a link is not written to',
    async (name) => {
      const folder = temporaryFolder();
      const other = join(temporaryFolder(), 'other');
      writeFileSync(other, 'mine\n');
      writeFileSync(join(folder, 'config.yaml'), 'seed: 1\n');
      symlinkSync(other, join(folder, name));
      for (const resume of [true, false])
        expect(await codeOf(RunFolder.open(folder, { resume }))).toBe('RUN_FILE_LINK');
      expect(readFileSync(other, 'utf8')).toBe('mine\n');
    },
  );

  it('removes and renames nothing that is not its own', async () => {
    const folder = temporaryFolder();
    const others = ['.bashrc.old', '.cache.tmp', 'thesis.doc.tmp-12'];
    for (const name of [...others, '.final.tmp', 'metrics.csv.tmp-12', 'env.json.tmp-12'])
      writeFileSync(join(folder, name), '');
    const run = await RunFolder.open(folder, { resume: false });
    await run.create();
    await run.mend();
    expect(readdirSync(folder).sort()).toEqual(others);
  });

  it.each(['env.json', 'summary.json', 'metrics.jsonl', 'completions.jsonl'])(
    'is not one where %s lies already',
    async (name) => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, name), '{}');
      expect(await codeOf(RunFolder.open(folder, { resume: false }))).toBe('OUTPUT_DIR_HOLDS_RUN');
    },
  );

  it('whose configuration is broken or a bomb is refused with a code', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'metrics.jsonl'), '');
    for (const yaml of ['a: [', '['.repeat(3000), 'seed: *nowhere']) {
      writeFileSync(join(folder, 'config.yaml'), yaml);
      const run = await RunFolder.open(folder, { resume: true });
      expect(await codeOf(run.readConfig())).toBe('CONFIG_SYNTAX');
      expect(await codeOf(readRun(folder))).toBe('CONFIG_SYNTAX');
    }
  });

  it.each([
    ['a file elsewhere', { files: { '../../etc/passwd': { size: 1, sha256: '' } } }],
    ['the folder above', { files: { '..': { size: 1, sha256: '' } } }],
    ['no size', { files: { a: null } }],
    ['no files', {}],
    ['no object', null],
  ])('has no manifest that names %s', async (_, manifest) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    expect(await faultOf(folder, { hashes: true })).toBe('its manifest.json is damaged');
  });
});

describe('a name of a model, a task or a reward', () => {
  it.each(['../../x/y', '/no/such/folder', 'a/../b', 'org/name@../../x', 'http://x/y', 'file:///etc'])(
    '%s is no model',
    async (name) => {
      expect(await codeOf(resolveModel(name))).toBe('MODEL_NOT_FOUND');
    },
  );

  it.each([
    'data:text/javascript,globalThis.ran=1;//.js',
    'https://example.org/task.js',
    'node:child_process',
    'file:///x.mjs',
  ])('%s is nothing that is run', async (spec) => {
    expect(await codeOf(loadTask(spec))).toMatch(/^(TASK|MODULE)_NOT_FOUND$/);
    const reward = loadTask('arithmetic').then((task) => loadRewards(spec, task));
    expect(await codeOf(reward)).toMatch(/^(REWARD|MODULE)_NOT_FOUND$/);
    expect('ran' in globalThis).toBe(false);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is none that objects bring along',
    async (name) => {
      expect(await codeOf(loadTask(name))).toBe('TASK_NOT_FOUND');
      expect(await codeOf(loadTask('arithmetic').then((task) => loadRewards(name, task)))).toBe(
        'REWARD_NOT_FOUND',
      );
      const preset = () => resolveConfig(TRAIN, [parseYaml(`preset: ${name}`, 'a.yaml')], trainDefaults);
      expect(await codeOf(preset)).toBe('PRESET_NOT_FOUND');
    },
  );
});

describe('a file of options is data', () => {
  const read = (yaml: string) => resolveConfig(TRAIN, [parseYaml(yaml, 'a.yaml')]);
  const marker = () => join(temporaryFolder(), 'ran');

  it('a tag is no call, and what has one is text', () => {
    const file = marker();
    const code = `(function () { require("fs").writeFileSync(${JSON.stringify(file)}, "") })()`;
    for (const tag of ['!!js/function', '!!js/undefined', '!!python/object/apply:os.system', '!custom'])
      expect(read(`model: ${tag} '${code}'`).model).toBe(code);
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    [
      'aliases of aliases',
      `a: &a [x, x, x]\nb: &b [${'*a, '.repeat(200)}]\nc: [${'*b, '.repeat(200)}]`,
      'CONFIG_SYNTAX',
    ],
    ['__proto__ at the top', '__proto__: {polluted: true}', 'UNKNOWN_OPTION'],
    ['constructor at the top', 'constructor: {prototype: {polluted: true}}', 'UNKNOWN_OPTION'],
    ['__proto__ in a map', 'curriculum: [{__proto__: {polluted: true}}]', 'BAD_OPTION'],
    ['a merge key', 'curriculum: [{<<: {polluted: true}}]', 'BAD_OPTION'],
  ])('%s is refused', async (_, yaml, code) => {
    expect(await codeOf(() => read(yaml))).toBe(code);
    expect('polluted' in {}).toBe(false);
  });

  it('weights of tasks called __proto__ change nothing else', async () => {
    const code = await codeOf(() => read('task_weights: {__proto__: {polluted: 1}, arithmetic: 1}'));
    expect(['BAD_OPTION', 'no error']).toContain(code);
    expect('polluted' in {}).toBe(false);
  });
});
