/** Model folders as people have them: by git, by links, saved by other programs. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkStop } from '../../../src/grpo/stop.js';
import { readConfigJson, readModelConfig } from '../../../src/model/config.js';
import { locateTensors } from '../../../src/model/safetensors.js';
import { readKeptFiles } from '../../../src/model/saving.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';
import { codeOf, fixtureModel, temporaryFolder } from '../../support/fixtures.js';
import { readTensorFile, writeTensorFile } from '../../support/safetensors.js';

type Json = Record<string, unknown>;

function copyOf(name: string): string {
  const folder = join(temporaryFolder(), "a model's folder");
  cpSync(fixtureModel(name), folder, { recursive: true });
  return folder;
}

function change(file: string, by: (json: Json) => Json): void {
  writeFileSync(file, JSON.stringify(by(JSON.parse(readFileSync(file, 'utf8')) as Json)));
}

describe('a pointer of Git LFS in place of', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 988097824\n`;
  const read = async (folder: string) => {
    await locateTensors(folder, await readModelConfig(folder));
    await Tokenizer.load(folder);
    await readKeptFiles(folder);
  };

  it.each([
    ['qwen2-tied', 'model.safetensors'],
    ['qwen2-tied-bf16-sharded', 'model-00002-of-00003.safetensors'],
    ['qwen2-tied-bf16-sharded', 'model.safetensors.index.json'],
    ['qwen2-tied', 'config.json'],
    ['qwen2-tied', 'tokenizer.json'],
    ['qwen2-tied', 'tokenizer_config.json'],
    ['qwen2-tied', 'merges.txt'],
  ])('%s %s is told as such', async (model, name) => {
    const folder = copyOf(model);
    writeFileSync(join(folder, name), pointer);
    await expect(read(folder)).rejects.toMatchObject({
      code: 'GIT_LFS_POINTER',
      message: expect.stringContaining(join(folder, name)) as string,
      fix: expect.stringContaining('lfs pull') as string,
    });
  });
});

describe('weights', () => {
  const rename = (folder: string, by: (name: string) => string | undefined) => {
    const file = join(folder, 'model.safetensors');
    const { tensors } = readTensorFile(file);
    const renamed = [...tensors].flatMap(([name, tensor]) => {
      const now = by(name);
      return now === undefined ? [] : [[now, tensor] as const];
    });
    writeTensorFile(file, new Map(renamed));
  };
  const locate = async (folder: string) => locateTensors(folder, await readModelConfig(folder));

  it('of a model without a head, as AutoModel saves it, are found', async () => {
    const folder = copyOf('qwen2-tied');
    const before = await locate(folder);
    rename(folder, (name) => name.replace(/^model\./, ''));
    const after = await locate(folder);
    expect(after.map(({ name, shape }) => ({ name, shape }))).toEqual(
      before.map(({ name, shape }) => ({ name, shape })),
    );
  });

  it.each<[string, string, (name: string) => string | undefined, RegExp]>([
    ['behind torch.compile', 'qwen2-tied', (name) => `_orig_mod.${name}`, /"_orig_mod\.model\." before/],
    ['behind DDP, without a head', 'qwen2-tied', (name) => name.replace(/^model/, 'module'), /"module\."/],
    [
      'without a head that is asked for',
      'qwen2-untied',
      (name) => (name === 'lm_head.weight' ? undefined : name.replace(/^model\./, '')),
      /AutoModelForCausalLM/,
    ],
    ['of an adapter', 'qwen2-tied', (name) => `${name.replaceAll('.', '_')}.lora_A.weight`, /merge/],
    ['of another model', 'qwen2-tied', (name) => `h.0.${name.length}`, /belong together/],
  ])('%s are refused with what mends it', async (_, model, by, fix) => {
    const folder = copyOf(model);
    rename(folder, by);
    await expect(locate(folder)).rejects.toMatchObject({
      code: 'MODEL_TENSORS_MISMATCH',
      fix: expect.stringMatching(fix) as string,
    });
  });
});

describe('the config.json that is saved', () => {
  it.each<[string, Json, Json]>([
    [
      'both names',
      { dtype: 'bfloat16', torch_dtype: 'bfloat16' },
      { dtype: 'float32', torch_dtype: 'float32' },
    ],
    ['the new name', { dtype: 'bfloat16' }, { dtype: 'float32' }],
    ['the old name', { torch_dtype: 'bfloat16' }, { torch_dtype: 'float32' }],
    ['neither', {}, { dtype: 'float32' }],
    ['no head', { architectures: ['Qwen2Model'] }, { dtype: 'float32', architectures: ['Qwen2ForCausalLM'] }],
  ])('says what the weights are, where it had %s', async (_, had, saved) => {
    const folder = copyOf('qwen2-tied');
    const { dtype, torch_dtype, architectures, ...rest } = await readConfigJson(folder);
    expect([dtype, torch_dtype, architectures]).toEqual([dtype, torch_dtype, ['Qwen2ForCausalLM']]);
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...rest, ...had }));
    const kept = (await readKeptFiles(folder)).get('config.json')!;
    expect(JSON.parse(Buffer.from(kept).toString('utf8'))).toEqual({ ...rest, ...saved });
  });
});

describe('an added token beyond the vocabulary', () => {
  const withTool = () => {
    const folder = copyOf('qwen2-tied');
    change(join(folder, 'tokenizer.json'), (json) => ({
      ...json,
      added_tokens: [
        ...(json.added_tokens as Json[]),
        {
          id: 96,
          content: '<tool>',
          special: true,
          lstrip: false,
          rstrip: false,
          normalized: false,
          single_word: false,
        },
      ],
    }));
    return folder;
  };

  it('is told of, and refused where it is used', async () => {
    const notices: string[] = [];
    const tokenizer = await Tokenizer.load(withTool(), 96, (text) => notices.push(text));
    expect(notices).toEqual([expect.stringMatching(/beyond the model's 96 embeddings.*<tool>/)]);
    expect(tokenizer.decode(tokenizer.encode('Calculate: '))).toBe('Calculate: ');
    expect(await codeOf(() => tokenizer.encode('Say <tool> now'))).toBe('TOKENIZER_VOCABULARY');
    expect(await codeOf(() => checkStop(['a', '<tool>'], tokenizer))).toBe('TOKENIZER_VOCABULARY');
    expect(await codeOf(() => checkStop(['a', '<too'], tokenizer))).toBe('no error');
  });

  it('is a token as any other where the model has an embedding for it', async () => {
    const notices: string[] = [];
    const tokenizer = await Tokenizer.load(withTool(), 97, (text) => notices.push(text));
    expect(notices).toEqual([]);
    expect([...tokenizer.encode('<tool>')]).toEqual([96]);
  });
});
