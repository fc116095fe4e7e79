/** Adapters (LoRA) from `train` to `merge`, on a small random model. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, jsonLines } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { readTensorFile, writeTensorFile } from '../support/safetensors.js';
import { endOf, place, type Flags } from '../support/small-run.js';

const adapters: Flags = {
  'use-peft': true,
  'lora-r': 4,
  'lora-target-modules': 'q_proj,down_proj',
  'learning-rate': 1e-2,
  'save-total-limit': 0,
};

/** A run of six steps with a checkpoint at each second one. */
async function trained(more: Flags = {}) {
  const { train, run, parent } = place();
  const ended = await train('base', { ...adapters, ...more });
  expect(ended.code, ended.stderr).toBe(0);
  return { folder: run('base'), train, run, parent, ...ended };
}

/** Standard output of a command that succeeds. */
async function told(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(args);
  expect(code, stderr).toBe(0);
  return stdout;
}

const failsWith = async (args: string[], error: string | RegExp) => {
  const { code, stderr } = await cli(args);
  expect(stderr).toMatch(error);
  expect(stderr).toContain('\nfix: ');
  expect(code).toBeGreaterThan(0);
};

/** Log-probs of given tokens. */
async function scores(...model: string[]): Promise<number[]> {
  const line = JSON.stringify({ prompt: 'Say 1: ', completion: 'ab c' });
  const { code, stdout, stderr } = await cli(['score', ...model], { stdin: `${line}\n` });
  expect(code, stderr).toBe(0);
  return jsonLines(stdout).flatMap(({ logps }) => logps as number[]);
}

const difference = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe('a run with adapters', () => {
  it('saves them alone, and is one model with them in every command', async () => {
    const { folder, stdout } = await trained();
    expect(stdout).toMatch(/parameters\); adapters of [\d,]+ learn/);
    const saved = ['adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json'];
    expect(readdirSync(join(folder, 'final'))).toEqual(expect.arrayContaining(saved));
    expect(existsSync(join(folder, 'final', 'config.json'))).toBe(false);
    const { tensors } = readTensorFile(join(folder, 'final', 'adapter_model.safetensors'));
    expect([...tensors.values()].some(({ values }) => values.some((value) => value !== 0))).toBe(true);
    expect([...tensors.keys()].every((name) => /(q_proj|down_proj)\.lora_[AB]\.weight$/.test(name))).toBe(
      true,
    );

    const base = fixtureModel('qwen2-tied');
    const merged = join(temporaryFolder(), 'merged');
    expect(await told('merge', folder, '--output-dir', merged)).toBe(`${merged}\n`);
    const own = await scores('--model', folder);
    expect(difference(own, await scores('--model', merged))).toBeLessThan(2e-5);
    expect(await scores('--model', base, '--adapter', folder)).toEqual(own);
    expect(difference(own, await scores('--model', base))).toBeGreaterThan(1e-3);
    expect(await scores('--model', base, '--adapter', join(folder, 'checkpoint-2'))).not.toEqual(own);

    const generated = async (...model: string[]) =>
      told('generate', ...model, '--prompt', 'Say 1: ', '--temperature', '0', '--json');
    expect(await generated('--model', base, '--adapter', folder)).toBe(await generated('--model', folder));
    const gguf = async (model: string) => {
      const file = join(temporaryFolder(), 'same.gguf');
      await told('export', model, '--dtype', 'f32', '--output', file);
      expect(readdirSync(join(file, '..'))).toEqual(['same.gguf']);
      return readFileSync(file);
    };
    // The name of the model is the last part of its path.
    const named = join(merged, '..', 'base');
    cpSync(merged, named, { recursive: true });
    expect((await gguf(folder)).equals(await gguf(named))).toBe(true);

    await failsWith(['merge', folder, '--output-dir', merged], /^error MERGE_EXISTS/m);
    await failsWith(['merge', merged, '--output-dir', `${merged}-2`], /^error ADAPTER_INVALID/m);
    expect(existsSync(`${merged}-2`)).toBe(false);
  });

  it('goes on bit for bit, from a checkpoint and as a fork, with the same adapters and model alone', async () => {
    const model = join(temporaryFolder(), 'model');
    cpSync(fixtureModel('qwen2-tied'), model, { recursive: true });
    const { folder, train, run } = await trained({ model, beta: 0.04 });
    const before = endOf(folder);
    cpSync(folder, run('again'), { recursive: true });
    rmSync(join(run('again'), 'final'), { recursive: true });
    const again = await train('again', { ...adapters, model, beta: 0.04, resume: 'checkpoint-2' });
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout).toContain('resumed after step 2');
    expect(endOf(run('again'))).toEqual(before);

    await told('fork', folder, '--at', 'checkpoint-4', '--run-name', 'fork');
    expect(endOf(run('fork')).weights).toBe(before.weights);
    expect(endOf(run('fork')).rows).toEqual(before.rows);
    expect(await told('replay', folder, '--losses', 'grpo', '--json')).toContain('"grad_norm"');

    const at = ['fork', folder, '--at', 'checkpoint-4'];
    await failsWith([...at, '--lora-alpha', '8'], /^error FORK_CHANGED: .*lora_alpha/m);
    const file = join(model, 'model.safetensors');
    const { tensors } = readTensorFile(file);
    for (const tensor of tensors.values()) tensor.values.forEach((_, i, all) => (all[i]! *= 1.001));
    writeTensorFile(file, tensors);
    await failsWith(at, /^error MODEL_CHANGED/m);
    await failsWith(
      ['train', '--output-dir', folder, '--resume', 'checkpoint-4'],
      /^error MODEL_CHANGED: the weights in .*model are others/m,
    );
  });

  it('starts from adapters of the same options, or from a whole model', async () => {
    const { folder, train, run } = await trained({ 'max-steps': 2 });
    const further = await train('further', {
      ...adapters,
      'max-steps': 1,
      'learning-rate': 1e-9,
      'init-from': folder,
    });
    expect(further.code, further.stderr).toBe(0);
    const own = await scores('--model', folder);
    expect(difference(await scores('--model', run('further')), own)).toBeLessThan(1e-4);
    expect(difference(await scores('--model', fixtureModel('qwen2-tied')), own)).toBeGreaterThan(1e-3);
    const config = (name: string) =>
      JSON.parse(readFileSync(join(run(name), 'final', 'adapter_config.json'), 'utf8')) as object;
    expect(config('further')).toEqual(config('base'));
    expect(config('base')).toMatchObject({ base_model_name_or_path: fixtureModel('qwen2-tied'), r: 4 });

    const other = await train('other', { ...adapters, 'lora-r': 8, 'init-from': folder });
    expect(other.stderr).toMatch(/^error ADAPTER_OPTIONS: .*\nfix: .*--use-peft --lora-r 4 --lora-alpha 32/m);
    const whole = await train('whole', { 'init-from': folder });
    expect(whole.stderr).toMatch(/^error ADAPTER_OPTIONS/m);

    expect((await train('full', { 'max-steps': 2 })).code).toBe(0);
    const on = await train('on', { ...adapters, 'max-steps': 2, 'init-from': run('full') });
    expect(on.code, on.stderr).toBe(0);
    expect(config('on')).toMatchObject({ base_model_name_or_path: join(run('full'), 'final') });
    expect((await scores('--model', run('on'))).every(Number.isFinite)).toBe(true);
  });

  it('is one of sft too, and plan foretells it', async () => {
    const options = [
      '--model',
      'tiny',
      '--use-peft',
      '--lora-r',
      '2',
      '--max-steps',
      '2',
      '--eval-samples',
      '4',
    ];
    const run = join(temporaryFolder(), 'warm');
    await told('sft', ...options, '--output-dir', run);
    expect(existsSync(join(run, 'final', 'adapter_model.safetensors'))).toBe(true);
    const lora = ['--use-peft', '--lora-r', '2', '--max-steps', '1', '--eval-samples', '0', '--no-probe'];
    const next = join(run, '..', 'next');
    await told('train', '--init-from', run, ...lora, '--output-dir', next);
    expect(existsSync(join(next, 'final', 'adapter_model.safetensors'))).toBe(true);
    const memory = async (...more: string[]) =>
      (JSON.parse(await told('plan', '--json', '--model', 'tiny', '--max-steps', '2', ...more)) as Planned)
        .memory;
    const [full, adapted] = [await memory('--beta', '0.1'), await memory('--beta', '0.1', '--use-peft')];
    expect(adapted.reference).toBe(0);
    expect(adapted.gradients).toBeLessThan(full.gradients / 4);
    expect(adapted.moments).toBe(2 * adapted.gradients);
  });

  it('refuses layers that there are not, and a moving reference', async () => {
    const train = ['train', '--model', 'tiny', '--use-peft'];
    await failsWith(
      [...train, '--lora-target-modules', 'q_proj,lm_head'],
      /lora-target-modules.*lm_head[^]*q_proj/,
    );
    await failsWith(
      [...train, '--sync-ref-model', '--beta', '0.1'],
      /^error BAD_COMBINATION: sync_ref_model/m,
    );
  });
});

interface Planned {
  memory: Record<'reference' | 'gradients' | 'moments', number>;
}
