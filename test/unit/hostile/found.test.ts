/** Inputs that once ended in another way than they should, most of them found by `npm run fuzz`. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLine } from '../../../src/cli/score-line.js';
import { parseYaml, resolveConfig } from '../../../src/config/load.js';
import { TRAIN } from '../../../src/run/options.js';
import { readModelConfig } from '../../../src/model/config.js';
import { locateTensors, readHeader } from '../../../src/model/safetensors.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';
import { loadDataset } from '../../../src/data/tasks/dataset.js';
import { planSweep, sweepOf } from '../../../src/experiments/sweep/plan.js';
import { codeOf, fixtureModel, modelWith, temporaryFolder } from '../../support/fixtures.js';

type Json = Record<string, unknown>;
const DEEP = '['.repeat(20_000) + ']'.repeat(20_000);

describe('a configuration that would fill the memory or compute with what is no number', () => {
  it.each<[string, Json, RegExp]>([
    ['layers without end', { num_hidden_layers: 2 ** 31 - 1 }, /num_hidden_layers/],
    ['a head without end', { head_dim: 2 ** 31 - 2 }, /head_dim/],
    [
      'a head without end, by division',
      { hidden_size: 2 ** 31 - 2, num_attention_heads: 1, num_key_value_heads: 1 },
      /head_dim/,
    ],
    ['a base of almost 0', { rope_theta: 5e-324 }, /frequencies/],
    [
      'a scaling of no width',
      {
        rope_scaling: {
          rope_type: 'llama3',
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 1,
          original_max_position_embeddings: 2 * Math.PI,
        },
      },
      /frequencies/,
    ],
  ])('%s', async (_, change, message) => {
    const folder = modelWith('llama-tied', 'config.json', (config) => ({
      ...config,
      head_dim: undefined,
      rope_parameters: undefined,
      ...change,
    }));
    const reading = readModelConfig(folder);
    expect(await codeOf(reading)).toBe('MODEL_CONFIG_INVALID');
    await expect(reading).rejects.toThrow(message);
  });
});

describe('values nested too deep to be shown', () => {
  const nested = (key: string) => (json: Json) =>
    JSON.stringify({ ...json, [key]: '@' }).replace('"@"', DEEP);

  it.each(['model_type', 'hidden_act', 'rope_theta', 'num_hidden_layers'])(
    '%s of config.json',
    async (key) => {
      const code = await codeOf(readModelConfig(modelWith('llama-tied', 'config.json', nested(key))));
      expect(code).toBe('MODEL_FILE_NOT_JSON');
    },
  );

  it('a shard of an index, a type of a header, an id to score', async () => {
    const index = modelWith(
      'qwen2-tied-bf16-sharded',
      'model.safetensors.index.json',
      () => `{"weight_map": {"a": ${DEEP}}}`,
    );
    expect(await codeOf(readModelConfig(index).then((config) => locateTensors(index, config)))).toBe(
      'SAFETENSORS_INVALID',
    );

    const json = Buffer.from(`{"a": {"dtype": ${DEEP}, "shape": [], "data_offsets": [0, 4]}}`);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const file = join(temporaryFolder(), 'a.safetensors');
    writeFileSync(file, Buffer.concat([length, json, Buffer.alloc(4)]));
    expect(await codeOf(readHeader(file))).toBe('SAFETENSORS_DTYPE');

    const tokenizer = await Tokenizer.load(fixtureModel('qwen2-tied'));
    const line = `{"prompt_ids": [${DEEP}], "completion": "1"}`;
    const config = { vocabSize: 96, maxPositionEmbeddings: 512 };
    expect(await codeOf(() => parseLine({ tokenizer, config }, line, 1))).toBe('SCORE_INPUT');
  });

  it.each(['seed: ', '- ', ''])('lists of YAML, behind %j', async (before) => {
    const read = () => resolveConfig(TRAIN, [parseYaml(`${before}${'['.repeat(5000)}`, 'a.yaml')]);
    expect(await codeOf(read)).toBe('CONFIG_SYNTAX');
    const whole = () => resolveConfig(TRAIN, [parseYaml(`${before}${DEEP}`, 'a.yaml')]);
    expect(await codeOf(whole)).toBe('CONFIG_SYNTAX');
  });
});

describe('nesting that overflows the stack, where no exception follows', () => {
  it.each([
    ['brackets with patterns in them', `seed: ${'["a b", '.repeat(3000)}1${']'.repeat(3000)}`],
    ['braces', `seed: ${'{a: '.repeat(3000)}1${'}'.repeat(3000)}`],
    ['dashes', '- '.repeat(3000)],
    ['lines further and further in', Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ])('YAML: %s', async (_, text) => {
    expect(await codeOf(() => parseYaml(text, 'a.yaml'))).toBe('CONFIG_SYNTAX');
  });

  it('a tokenizer: sequences of sequences', async () => {
    const open = '{"type":"Sequence","pretokenizers":['.repeat(3000);
    const folder = modelWith('qwen2-tied', 'tokenizer.json', (json) =>
      JSON.stringify({ ...json, pre_tokenizer: '@' }).replace('"@"', `${open}${']}'.repeat(3000)}`),
    );
    expect(await codeOf(Tokenizer.load(folder, 96))).toBe('MODEL_FILE_NOT_JSON');
  });
});

describe('a tokenizer', () => {
  const load = (change: (json: Json) => Json, vocabSize?: number) =>
    codeOf(Tokenizer.load(modelWith('qwen2-tied', 'tokenizer.json', change), vocabSize));
  const withId = (id: unknown) => (json: Json) => {
    const model = json.model as { vocab: Json };
    return { ...json, model: { ...model, vocab: { ...model.vocab, '<|im_end|>': id } } };
  };

  it('whose library would make a list of billions is refused at once', async () => {
    const began = performance.now();
    expect(await load(withId(2 ** 31 - 1), 96)).toBe('TOKENIZER_VOCABULARY');
    expect(await load(withId(2 ** 31 - 1))).toBe('TOKENIZER_VOCABULARY');
    expect(
      await load((json) => ({ ...json, added_tokens: [{ id: 2 ** 32, content: 'x', special: true }] }), 96),
    ).toBe('TOKENIZER_VOCABULARY');
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it.each([-1, 0.5, '7', null, {}, '__proto__'])('of the id %j is refused', async (id) => {
    expect(await load(withId(id), 96)).toBe('TOKENIZER_INVALID');
  });

  it('that its library takes and trips over later is refused when it does', async () => {
    const folder = modelWith('qwen2-tied', 'tokenizer.json', (json) => ({
      ...json,
      post_processor: { type: 'TemplateProcessing', single: null, pair: null },
    }));
    const tokenizer = await Tokenizer.load(folder, 96);
    expect(await codeOf(() => tokenizer.encode('1'))).toBe('TOKENIZER_INVALID');
  });
});

describe('what is no file', () => {
  it.each([
    ['config.json', 'MODEL_FILE_UNREADABLE'],
    ['tokenizer.json', 'MODEL_FILE_UNREADABLE'],
    ['model.safetensors', 'SAFETENSORS_INVALID'],
  ])('but a pipe, as %s, keeps nobody waiting', async (name, code) => {
    const folder = temporaryFolder();
    cpSync(fixtureModel('qwen2-tied'), folder, { recursive: true });
    const config = await readModelConfig(folder);
    rmSync(join(folder, name));
    execFileSync('mkfifo', [join(folder, name)]);
    const read = async () => {
      await readModelConfig(folder);
      await Tokenizer.load(folder);
      await locateTensors(folder, config);
    };
    expect(await codeOf(read())).toBe(code);
  });

  it('but a folder, as config.json', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'config.json'));
    expect(await codeOf(readModelConfig(folder))).toBe('MODEL_FILE_UNREADABLE');
  });
});

it('weights of a mixture that are no numbers are refused', async () => {
  const deep = JSON.parse(DEEP) as Record<string, number>;
  const problems = () => [{ prompt: '1', answer: '1', task: 'a' }];
  for (const weights of [deep, { a: -1 }, { a: 0 }, { a: NaN }, 5 as never, null as never])
    expect(await codeOf(loadDataset({ name: 'mine', reward: () => [], problems, weights }))).toBe('BAD_TASK');
});

describe('a sweep', () => {
  const plan = (yaml: string) => planSweep(sweepOf(parseYaml(yaml, 'sweep.yaml'), {}));

  it.each([
    'runs: [{name: ../../elsewhere}]',
    'runs: [{name: /tmp/elsewhere}]',
    'runs: [{name: ..}]',
    'runs: [{name: .hidden}]',
    'runs: [{name: .configs}]',
    'runs: [{name: ""}]',
    'runs: [{name: [a]}]',
    `runs: [{name: ${'x'.repeat(300)}}]`,
    'output_dir: [a]',
    'output_dir: 5',
    'grid: {seed: null}',
    `grid: {${['seed', 'beta', 'epsilon', 'delta', 'top_p'].map((option) => `${option}: [${'1,'.repeat(20)}1]`).join()}}`,
  ])('is refused for %s', async (yaml) => {
    expect(await codeOf(() => plan(yaml))).toBe('SWEEP');
  });

  it.each([
    ['task: ../../my-task.ts', 'my-task.ts'],
    ['task: ..', 'run'],
    ['task: /tmp/x/my task.ts', 'my-task.ts'],
    ['task: arithmetic', 'arithmetic'],
  ])('of %s has its folder in that of the sweep: %s', (base, name) => {
    expect(plan(`base: {${base}}`).map((run) => run.name)).toEqual([name]);
  });
});
