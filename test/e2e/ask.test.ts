import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/machine/paths.js';
import { cli, jsonLines, node } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';

const model = ['--model', fixtureModel('qwen2-tied'), '--threads', '1'];
const prompt = 'Calculate: 7 + 8 = ';

describe('generate and score', () => {
  it('agree about log-probs', async () => {
    const args = [
      'generate',
      ...model,
      '--prompt',
      prompt,
      '--num',
      '5',
      '--temperature',
      '0.7',
      '--max-completion-length',
      '6',
      '--json',
    ];
    const generated = await cli(args);
    expect(generated.stderr).toBe('');
    const completions = jsonLines(generated.stdout);
    expect(completions).toHaveLength(5);
    expect(completions[0]).toMatchObject({ prompt });
    expect((await cli(args)).stdout).toBe(generated.stdout);
    expect((await cli([...args, '--seed', '7'])).stdout).not.toBe(generated.stdout);

    const scored = await cli(['score', ...model, '--temperature', '0.7'], { stdin: generated.stdout });
    const scores = jsonLines(scored.stdout);
    expect(scores).toHaveLength(5);
    scores.forEach(({ completion_ids, logps, entropies }, i) => {
      expect(completion_ids).toEqual(completions[i]!.completion_ids);
      expect(entropies).toHaveLength((completion_ids as number[]).length);
      (logps as number[]).forEach((logp, t) =>
        expect(logp).toBeCloseTo((completions[i]!.logps as number[])[t]!, 4),
      );
    });
  });

  it('ends where it is told to', async () => {
    const { stdout } = await cli([
      'generate',
      ...model,
      '--prompt',
      prompt,
      '--num',
      '8',
      '--stop',
      'E',
      '--json',
    ]);
    for (const { completion, ended } of jsonLines(stdout))
      if (ended === 'stop') expect(completion).toMatch(/E$/);
  });

  it('takes text or ids, and names the line that is neither', async () => {
    const ids = { prompt_ids: [25, 3, 4], completion_ids: [5, 6] };
    const text = { prompt, completion: '15' };
    const good = await cli(['score', ...model], {
      stdin: `${JSON.stringify(ids)}\n\n${JSON.stringify(text)}\n`,
    });
    expect(jsonLines(good.stdout)).toHaveLength(2);
    for (const [line, problem] of [
      ['{', 'is not JSON'],
      ['{"prompt": "a"}', 'has neither completion nor completion_ids'],
      ['{"prompt": "", "completion": "1"}', 'has an empty prompt'],
      ['{"prompt": "1", "completion_ids": [96]}', 'the vocabulary ends at 95'],
    ] as const) {
      const bad = await cli(['score', ...model], { stdin: `${JSON.stringify(text)}\n${line}\n` });
      expect(bad.code).toBe(2);
      expect(bad.stderr).toContain('error SCORE_INPUT: line 2 of the input');
      expect(bad.stderr).toContain(problem);
    }
  });
});

describe('eval', () => {
  it('gives an accuracy with its interval', async () => {
    const { stdout, code } = await cli(['eval', ...model, '--samples', '20', '--json']);
    expect(code).toBe(0);
    const [result] = jsonLines(stdout);
    expect(result).toMatchObject({ task: 'arithmetic', split: 'held_out', total: 20, temperature: 0 });
    expect(Number(result!.accuracy_low)).toBeLessThanOrEqual(Number(result!.accuracy));
    expect(Number(result!.accuracy_high)).toBeGreaterThan(Number(result!.accuracy));
    const words = await cli(['eval', ...model, '--samples', '20', '--split', 'train']);
    expect(words.stdout).toMatch(/^arithmetic, train: [\d.]+% \[[\d.]+%, [\d.]+%\] \(\d+ of 20\)/);
  });
});

describe('examples', () => {
  const example = (name: string, ...args: string[]) =>
    node([join(packageRoot(), 'examples', name), ...args], { cwd: temporaryFolder() });

  it('custom-reward', async () => {
    const { code, stdout, stderr } = await example('custom-reward.mjs', fixtureModel('qwen2-tied'), '10');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/step 10: reward -?[\d.]+, KL [\d.]+/);
    expect(stdout).toMatch(/held-out sums right after:/);
  });

  it('sample-and-score', async () => {
    const { code, stdout, stderr } = await example('sample-and-score.mjs', fixtureModel('qwen2-tied'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/log-probs of "15": -[\d.]+, -[\d.]+/);
  });

  it('grpo gives the numbers that train gives', async () => {
    const model = fixtureModel('qwen2-tied');
    const loader = join(packageRoot(), 'node_modules', 'tsx', 'dist', 'loader.mjs');
    const script = join(packageRoot(), 'examples', 'grpo.ts');
    const own = await node(['--import', pathToFileURL(loader).href, script, '3', model]);
    expect({ code: own.code, stderr: own.stderr }).toEqual({ code: 0, stderr: '' });
    const folder = join(temporaryFolder(), 'run');
    const options = [
      '--max-steps',
      '3',
      '--eval-samples',
      '0',
      '--no-probe',
      '--quiet',
      '--output-dir',
      folder,
    ];
    const { code } = await cli(['train', '--model', model, ...options]);
    expect(code).toBe(0);
    const parse = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, number>);
    const steps = parse(readFileSync(join(folder, 'metrics.jsonl'), 'utf8')).filter(
      ({ loss }) => loss !== undefined,
    );
    expect(steps).toHaveLength(3);
    expect(parse(own.stdout)).toEqual(
      steps.map(({ step, loss, reward, kl, grad_norm }) => ({ step, loss, reward, kl, grad_norm })),
    );
  });
});
