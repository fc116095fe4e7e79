/** Conversations: a model that learns and answers in a chat template. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/machine/paths.js';
import { cli, jsonLines, node } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

type Json = Record<string, unknown>;

/** Ids of the tokens that the template of these tests has, beyond the vocabulary of tiny. */
const [BEGIN, TURN] = [82, 83];
const END_OF_TEXT = 0;
const CHATML = `{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>{{ answers_as | default('assistant') }}
{% endif %}`;

/** A copy of tiny that has the tokens of a template, but no template: they are given by a file, `chatml.jinja`. */
function baseModel(): { cwd: string; model: string[]; template: string[] } {
  const cwd = temporaryFolder();
  cpSync(join(packageRoot(), 'models', 'tiny'), join(cwd, 'base'), { recursive: true });
  const file = join(cwd, 'base', 'tokenizer.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as Json & { added_tokens: Json[] };
  const tokens = ['<|im_start|>', '<|im_end|>'].map((content, i) => ({
    ...json.added_tokens[0],
    id: BEGIN + i,
    content,
  }));
  writeFileSync(file, JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...tokens] }));
  writeFileSync(join(cwd, 'chatml.jinja'), CHATML);
  return {
    cwd,
    model: ['--model', 'base', '--threads', '1'],
    template: ['--chat-template-path', 'chatml.jinja'],
  };
}

interface Answer {
  prompt: string;
  messages: Json[];
  completion: string;
  completion_ids: number[];
  logps: number[];
  ended: string;
}

const answers = (text: string) => jsonLines(text) as unknown as Answer[];
const lastOf = ({ completion_ids }: Answer) => completion_ids.at(-1);

describe('train --chat', () => {
  it('leaves a run whose model answers by the same template, and that can be replayed', async () => {
    const { cwd, model, template } = baseModel();
    const reward = 'export default (all) => all.map((one) => one.completion.charCodeAt(0) % 7 || 0);';
    writeFileSync(join(cwd, 'reward.mjs'), reward);
    const small = ['--batch-size', '8', '--num-generations', '4', '--max-completion-length', '4'];
    // Weights that stay as they are, so that a replay finds the same log-probs.
    const options = [...small, '--max-steps', '2', '--learning-rate', '1e-12', '--eval-samples', '4'];
    const asked = ['--system-prompt', 'Be brief.', '--chat-template-kwargs', '{answers_as: model}'];
    const trained = await cli(
      [
        'train',
        ...model,
        ...template,
        ...asked,
        ...options,
        '--beta',
        '0',
        '--output-dir',
        'run',
        '--no-probe',
        '--reward',
        './reward.mjs',
        '--stop',
        'none',
      ],
      { cwd },
    );
    expect(trained).toMatchObject({ code: 0 });
    expect(trained.stdout).toContain("grpo-native generate --model run/final --system-prompt 'Be brief.'");
    expect(readFileSync(join(cwd, 'run/final/chat_template.jinja'), 'utf8')).toBe(CHATML);
    expect(readFileSync(join(cwd, 'run/config.yaml'), 'utf8')).toMatch(
      /^system_prompt: Be brief\.\nchat_template_path: chatml\.jinja\nchat_template_kwargs:\n {2}answers_as: model$/m,
    );
    const [recorded] = jsonLines(readFileSync(join(cwd, 'run/completions.jsonl'), 'utf8'));
    const { prompt } = recorded as { prompt: string };
    expect(prompt).toMatch(/^Calculate: /);
    expect(recorded!.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: prompt },
    ]);
    expect(existsSync(join(cwd, 'run/report.html'))).toBe(true);

    const replayed = await cli(['replay', 'run', '--losses', 'grpo', '--json', '--threads', '1'], { cwd });
    expect(replayed).toMatchObject({ code: 0 });
    const steps = jsonLines(replayed.stdout) as { losses: { grpo: { loss: number; grad_norm: number } } }[];
    expect(steps).toHaveLength(2);
    for (const { losses } of steps) {
      expect(losses.grpo.grad_norm).toBeGreaterThan(0);
      // Ratios of 1 and advantages whose mean is 0: another prompt's log-probs would give something else.
      expect(Math.abs(losses.grpo.loss)).toBeLessThan(1e-3);
    }

    const args = ['generate', '--model', 'run', '--threads', '1', '--prompt', prompt, '--num', '4', '--json'];
    const generated = await cli([...args, ...asked], { cwd });
    expect(generated.code).toBe(0);
    expect(answers(generated.stdout)[0]).toMatchObject({ prompt, messages: recorded!.messages });
    const scored = await cli(
      ['score', '--model', 'run', '--threads', '1', '--temperature', '0.7', ...asked.slice(2)],
      { cwd, stdin: generated.stdout },
    );
    const scores = jsonLines(scored.stdout) as unknown as Answer[];
    answers(generated.stdout).forEach(({ logps }, i) =>
      logps.forEach((logp, t) => expect(scores[i]!.logps[t]).toBeCloseTo(logp, 4)),
    );
  });

  it('goes on with the same template alone', async () => {
    const { cwd, model, template } = baseModel();
    const small = ['--batch-size', '8', '--num-generations', '4', '--max-completion-length', '4'];
    const options = [...small, '--eval-samples', '4', '--no-probe', '--save-steps', '1', '--chat'];
    const args = ['train', ...model, ...template, ...options, '--output-dir', 'run'];
    expect(await cli([...args, '--max-steps', '1'], { cwd })).toMatchObject({ code: 0 });
    writeFileSync(join(cwd, 'chatml.jinja'), CHATML.replace('{% endfor %}', '{% endfor %}Now: '));
    const resumed = [...args, '--max-steps', '2', '--resume'];
    const refused = await cli(resumed, { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^error CHAT_TEMPLATE_CHANGED: /m);
    expect(jsonLines(readFileSync(join(cwd, 'run/metrics.jsonl'), 'utf8'))).not.toContainEqual(
      expect.objectContaining({ step: 2 }),
    );
    writeFileSync(join(cwd, 'chatml.jinja'), CHATML);
    expect(await cli(resumed, { cwd })).toMatchObject({ code: 0 });
  });
});

describe('generate --chat', () => {
  it('ends at the end of a turn and at the end of text, which without --chat ends alone', async () => {
    const { cwd, model, template } = baseModel();
    const args = ['generate', ...model, ...template, '--prompt', 'Hi', '--num', '256', '--json'];
    const hot = [...args, '--temperature', '50', '--max-completion-length', '16'];
    const chat = answers((await cli([...hot, '--chat'], { cwd })).stdout);
    const ended = chat.filter(({ ended }) => ended === 'eos');
    expect(new Set(ended.map(lastOf))).toEqual(new Set([END_OF_TEXT, TURN]));
    for (const { completion_ids } of chat) expect(completion_ids.slice(0, -1)).not.toContain(TURN);
    const text = answers((await cli(hot, { cwd })).stdout);
    expect(text.some(({ completion_ids }) => completion_ids.slice(0, -1).includes(TURN))).toBe(true);
    expect(text[0]).not.toHaveProperty('messages');
  });
});

describe('sft --chat', () => {
  it('teaches the end of the turn', async () => {
    const { cwd, model, template } = baseModel();
    writeFileSync(
      join(cwd, 'words.mjs'),
      `export default {
        name: 'words',
        problems: () => Array.from('abcdefghij', (a) => ({ prompt: 'Say ' + a, answer: a + a })),
        reward: (all) => all.map(({ completion, answer }) => (completion === answer ? 1 : 0)),
      };`,
    );
    const options = [
      '--batch-size',
      '4',
      '--max-steps',
      '120',
      '--learning-rate',
      '3e-3',
      '--eval-samples',
      '0',
    ];
    const taught = await cli(
      ['sft', ...model, ...template, '--chat', '--task', './words.mjs', ...options, '--output-dir', 'run'],
      { cwd },
    );
    expect(taught).toMatchObject({ code: 0 });
    const asked = ['--prompt', 'Say c', '--chat', '--temperature', '0', '--json'];
    const { stdout } = await cli(['generate', '--model', 'run', '--threads', '1', ...asked], { cwd });
    const [answer] = answers(stdout);
    expect(answer).toMatchObject({ completion: 'cc', ended: 'eos' });
    expect(lastOf(answer!)).toBe(TURN);

    const judged = await cli(
      [
        'eval',
        '--model',
        'run',
        '--threads',
        '1',
        '--task',
        './words.mjs',
        '--split',
        'train',
        '--chat',
        '--json',
      ],
      { cwd },
    );
    expect(jsonLines(judged.stdout)[0]).toMatchObject({ accuracy: 1, mean_length: 3 });
  });
});

describe('a model without a template', () => {
  it.each([
    ['train', ['--output-dir', 'run']],
    ['sft', ['--output-dir', 'run']],
    ['plan', []],
    ['eval', []],
    ['generate', ['--prompt', 'Hi']],
  ])('is refused by %s --chat before anything is written', async (command, args) => {
    const cwd = temporaryFolder();
    const { code, stdout, stderr } = await cli([command, '--model', 'tiny', '--chat', ...args], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error CHAT_TEMPLATE_MISSING: ');
    expect(stderr).toContain('--chat-template-path FILE');
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('can score no messages', async () => {
    const line = { messages: [{ role: 'user', content: 'Hi' }], completion: '1' };
    for (const [change, error] of [
      [{}, 'CHAT_TEMPLATE_MISSING'],
      [{ messages: 'Hi' }, 'SCORE_INPUT'],
      [{ messages: [] }, 'SCORE_INPUT'],
    ] as const) {
      const stdin = JSON.stringify({ ...line, ...change });
      const { code, stderr } = await cli(['score', '--model', 'tiny'], { stdin });
      expect({ code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`error ${error}: `) as string,
      });
    }
  });
});

describe('examples', () => {
  it('chat', async () => {
    const { cwd } = baseModel();
    writeFileSync(join(cwd, 'base', 'chat_template.jinja'), CHATML);
    const example = join(packageRoot(), 'examples', 'chat.mjs');
    const { code, stdout, stderr } = await node([example, 'base', '2 + 2?'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n');
    expect(stdout).toMatch(/^ended by (eos|length): "/m);
  });
});
