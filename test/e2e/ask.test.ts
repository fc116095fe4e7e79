import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/machine/paths.js';
import { cli, jsonLines, node } from '../support/cli.js';
import { fixtureModel, modelWith, temporaryFolder } from '../support/fixtures.js';

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
    // A byte order mark may come first, and a string may hold what Unicode calls the end of a line.
    const noted = JSON.stringify({ ...text, note: 'a\u2028b' });
    const good = await cli(['score', ...model], {
      stdin: `\ufeff${JSON.stringify(ids)}\n\n${noted}\n`,
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

describe('a model whose tokenizer begins each text with a token, and has the end of a turn', () => {
  const { vocab } = (
    JSON.parse(readFileSync(join(fixtureModel('qwen2-tied'), 'tokenizer.json'), 'utf8')) as {
      model: { vocab: Record<string, number> };
    }
  ).model;
  const turn = vocab['<|im_end|>']!;
  const single = [
    { SpecialToken: { id: '<|endoftext|>', type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
  ];
  const chatModel = () =>
    modelWith('qwen2-tied', 'tokenizer.json', (json) => ({
      ...json,
      added_tokens: [...(json.added_tokens as []), { id: turn, content: '<|im_end|>', special: true }],
      post_processor: { type: 'TemplateProcessing', single, pair: single, special_tokens: {} },
    }));

  it('is stopped by that end, and scores a completion without the beginning', async () => {
    const own = ['--model', chatModel(), '--threads', '1'];
    const args = [...own, '--num', '64', '--temperature', '1.5', '--max-completion-length', '16'];
    const run = await cli(['generate', ...args, '--prompt', prompt, '--stop', '<|im_end|>', '--json']);
    const completions = jsonLines(run.stdout) as {
      completion: string;
      completion_ids: number[];
      ended: string;
    }[];
    const stopped = completions.filter(({ ended }) => ended === 'stop');
    expect(stopped.length).toBeGreaterThan(0);
    for (const { completion, completion_ids } of stopped) {
      expect(completion_ids.indexOf(turn)).toBe(completion_ids.length - 1);
      expect(completion).not.toContain('<|im_end|>');
    }
    for (const { completion_ids, ended } of completions)
      if (ended !== 'stop') expect(completion_ids).not.toContain(turn);

    const beginnings = [`<|endoftext|>${prompt}`, prompt];
    const { stdout } = await cli(['score', ...own], {
      stdin: beginnings.map((text) => `${JSON.stringify({ prompt: text, completion: '15' })}\r\n`).join(''),
    });
    const [first, second] = jsonLines(stdout);
    expect(first!.completion_ids).toHaveLength(2);
    expect(second).toEqual(first);
  });
});

describe('more positions than the model has', () => {
  const long = '1 + '.repeat(300);
  it.each<[string, string[], string]>([
    ['generate', ['--prompt', long], ''],
    ['eval', ['--task', 'long.mjs'], ''],
    [
      'score',
      [],
      `${JSON.stringify({ prompt, completion: '15' })}\n${JSON.stringify({ prompt: long, completion: '1' })}\n`,
    ],
  ])('are refused by %s', async (command, args, stdin) => {
    const cwd = temporaryFolder();
    writeFileSync(
      join(cwd, 'long.mjs'),
      `export default { name: 'long', problems: () => Array.from({ length: 40 }, (_, i) => ({ prompt: ${JSON.stringify(long)} + i, answer: '1' })), reward: (all) => all.map(() => 0) };`,
    );
    const { code, stdout, stderr } = await cli([command, ...model, ...args], { cwd, stdin });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error PROMPT_TOO_LONG: ');
    expect(stderr).toContain("the model's 512 positions do not suffice");
    if (command === 'score') expect(stderr).toContain('line 2 of the input');
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

describe('a run as the model', () => {
  it.each([
    ['generate', ['--prompt', prompt, '--max-completion-length', '2']],
    ['score', []],
    ['eval', ['--samples', '2', '--json']],
    ['plan', ['--num-generations', '2', '--batch-size', '2', '--max-steps', '1', '--json']],
  ])('%s takes its final one, and says so', async (command, args) => {
    const run = join(temporaryFolder(), 'run');
    cpSync(fixtureModel('qwen2-tied'), join(run, 'final'), { recursive: true });
    const { code, stdout, stderr } = await cli([command, '--model', run, '--threads', '1', ...args], {
      stdin: JSON.stringify({ prompt, completion: '15' }),
    });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(jsonLines(stdout).length).toBeGreaterThan(0);
    const told = `the weights of ${run} are those in ${join(run, 'final')}`;
    expect(command === 'plan' ? (jsonLines(stdout)[0]!.notices as string[]).join('\n') : stderr).toContain(
      told,
    );
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
