/** Conversations in runs: what is sampled from, what ends it, what is taught. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { loadDataset, loadSplit } from '../../../src/data/tasks/index.js';
import { ChatTemplate } from '../../../src/model/chat-template.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';
import { evaluate } from '../../../src/run/evaluate.js';
import { answerTokens, sft } from '../../../src/run/sft.js';
import { FakeModel, fakeModel } from '../../support/fake-model.js';
import { codeOf, fixtureModel, modelWith, temporaryFolder } from '../../support/fixtures.js';
import { digits, lines, run } from '../../support/trainer.js';

const END = '<|im_end|>';
const SOURCE = `{% for m in messages %}{{ m.role[0] }}{{ m.content }}{{ end }}{% endfor %}a`;
const { vocab } = (
  JSON.parse(readFileSync(join(fixtureModel('qwen2-tied'), 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> };
  }
).model;

/** A fake model with a template whose turns end with a token that doesn't end a text. */
async function chatModel(): Promise<FakeModel & { chatTemplate: ChatTemplate }> {
  const folder = modelWith('qwen2-tied', 'tokenizer.json', (json) => ({
    ...json,
    added_tokens: [...(json.added_tokens as []), { id: vocab[END], content: END, special: true }],
  }));
  const tokenizer = await Tokenizer.load(folder);
  const chatTemplate = new ChatTemplate(SOURCE, 'own.jinja', tokenizer, { end: END });
  return Object.assign(new FakeModel(folder, tokenizer), { chatTemplate });
}

const idsOf = (model: FakeModel, text: string) => model.tokenizer.encode(text);

describe('a run with --chat', () => {
  it('samples from conversations, in training and evaluation, and ends at the end of a turn', async () => {
    const model = await chatModel();
    const sample = vi.spyOn(model, 'sample');
    const outputDir = join(temporaryFolder(), 'run');
    await run({ systemPrompt: '7', maxSteps: 1, outputDir }, { model });
    expect(sample.mock.calls.length).toBeGreaterThan(1);
    for (const [{ prompts, endOfTurn }] of sample.mock.calls) {
      expect(endOfTurn).toBe(true);
      for (const ids of prompts)
        expect(model.tokenizer.decode(ids, { skipSpecialTokens: false })).toMatch(
          /^s7<\|im_end\|>uSay \d+: <\|im_end\|>a$/,
        );
    }
    const [record] = lines(outputDir, 'completions.jsonl');
    expect(record).toMatchObject({ prompt: expect.stringMatching(/^Say \d+: $/) as string });
    expect(record!.messages).toEqual([
      { role: 'system', content: '7' },
      { role: 'user', content: record!.prompt },
    ]);
  });

  it('samples from texts where it is not given', async () => {
    const model = await chatModel();
    const sample = vi.spyOn(model, 'sample');
    await run({ maxSteps: 1 }, { model, save: false });
    for (const [{ prompts, endOfTurn }] of sample.mock.calls) {
      expect(endOfTurn).toBe(false);
      for (const ids of prompts) expect(model.tokenizer.decode(ids)).toMatch(/^Say \d+: $/);
    }
  });

  it('needs a template', async () => {
    const none = await fakeModel();
    expect(await codeOf(run({ chat: true }, { model: none, save: false }))).toBe('CHAT_TEMPLATE_MISSING');
    expect(none.calls.sample).toBe(0);
  });

  it('goes on as it began', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    await run({ chat: true, maxSteps: 2, outputDir }, { model: await chatModel() });
    for (const change of [{ chat: false }, { systemPrompt: '7' }, { chatTemplateKwargs: { a: 1 } }]) {
      const options = { chat: true, maxSteps: 3, outputDir, resume: true, ...change };
      expect(await codeOf(run(options, { model: await chatModel() }))).toBe('RESUME_CHANGED');
    }
  });
});

describe('problems that are conversations', () => {
  const messages = [
    { role: 'user', content: '1' },
    { role: 'assistant', content: '2' },
    { role: 'user', content: '3' },
  ];
  const problem = { prompt: 'three', messages, answer: '4' };
  const task = { ...digits, problems: () => [problem, { prompt: 'text', answer: '5' }] };

  it('are sampled from beside texts, with no option', async () => {
    const model = await chatModel();
    const sample = vi.spyOn(model, 'sample');
    const problems = task.problems();
    await evaluate(model, { task, problems, maxCompletionLength: 2, batchSize: 1 });
    const [first, second] = sample.mock.calls.map(([options]) => options);
    const conversation = `u1${END}a2${END}u3${END}a`;
    expect(first).toMatchObject({ endOfTurn: true, prompts: [idsOf(model, conversation)] });
    expect(second).toMatchObject({ endOfTurn: false, prompts: [idsOf(model, 'text')] });
  });

  it('keep their messages among those that an option makes', async () => {
    const { train, heldOut } = await loadDataset(task, { chat: true });
    const all = [...train, ...heldOut];
    expect(all.find(({ prompt }) => prompt === 'three')?.messages).toEqual(messages);
    expect(all.find(({ prompt }) => prompt === 'text')?.messages).toEqual([
      { role: 'user', content: 'text' },
    ]);
    const [same] = await loadSplit(digits, 'train', 1, { systemPrompt: '7' });
    expect(same!.messages).toHaveLength(2);
  });
});

describe('sft on conversations', () => {
  it('teaches the end of the turn in place of the end of text', async () => {
    const model = await chatModel();
    const text = { prompt: '1' };
    const chat = { ...text, messages: [{ role: 'user', content: '1' }] };
    expect(answerTokens(model, chat, '2')).toEqual({
      prompt: idsOf(model, `u1${END}a`),
      completion: Int32Array.of(vocab['2']!, vocab[END]!),
    });
    expect(answerTokens(model, text, '2').completion).toEqual(Int32Array.of(vocab['2']!, 0));

    const forward = vi.spyOn(model, 'forward');
    await sft(
      { chat: true, maxSteps: 1, batchSize: 4, evalSamples: 0 },
      { task: digits, model, save: false },
    );
    const [{ prompts, completions }] = forward.mock.calls[0]!;
    for (const ids of completions) expect(ids.at(-1)).toBe(vocab[END]);
    for (const ids of prompts) expect(ids.at(-2)).toBe(vocab[END]);
  });

  it('teaches the end of text where the template has no end of a turn', async () => {
    const model = await chatModel();
    const plain = new ChatTemplate(
      '{% for m in messages %}{{ m.content }}{% endfor %}',
      '',
      model.tokenizer,
      {},
    );
    const chat = { prompt: '1', messages: [{ role: 'user', content: '1' }] };
    const { completion } = answerTokens(Object.assign(model, { chatTemplate: plain }), chat, '2');
    expect(completion).toEqual(Int32Array.of(vocab['2']!, 0));
  });
});
