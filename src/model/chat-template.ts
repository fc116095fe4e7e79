/**
 * Chat templates: a conversation to the text and the token ids that a model was trained to answer, as
 * transformers' `apply_chat_template` gives them. The template is a Jinja program that comes with the model.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GrpoError, cut, reasonOf, shown } from '../common/errors.js';
import { isObject } from '../common/json.js';
import { contentOf } from './added-tokens.js';
import { JinjaProgram } from './jinja.js';
import { readJsonObject, readModelFile } from './json.js';
import { conversationText, type Message } from './message.js';
import type { Tokenizer } from './tokenizer.js';

/** Which template a model's conversations are written by, and what it is told. */
export interface ChatTemplateOptions {
  /** File of a template (`.jinja`), or a model's folder that has one; null (default): the model's own. */
  chatTemplatePath?: string | null;
  /** Variables that the template reads, such as `{ enable_thinking: false }`; null (default): none. */
  chatTemplateKwargs?: Record<string, unknown> | null;
}

/** A template by its text, and where it was read from. */
interface TemplateText {
  text: string;
  file: string;
}

/** File of a model folder with its template. */
export const CHAT_TEMPLATE_FILE = 'chat_template.jinja';
/** Folder of a model folder with further templates, by their names. */
const ADDITIONAL = 'additional_chat_templates';
/** Name of the template that is used where several have names. */
const DEFAULT = 'default';
/** Special tokens that tokenizer_config.json names and templates read. */
const NAMED_TOKENS = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);

/**
 * A model's chat template: turns conversations into the token ids that the model was trained to answer.
 * `LanguageModel` has one as `model.chatTemplate`.
 *
 * @example
 * ```ts
 * const tokenizer = await Tokenizer.load('models/Qwen2.5-0.5B-Instruct');
 * const template = await ChatTemplate.load('models/Qwen2.5-0.5B-Instruct', tokenizer);
 * template?.render([{ role: 'user', content: '15 + 8?' }]); // '<|im_start|>system\n...<|im_start|>assistant\n'
 * template?.encode([{ role: 'user', content: '15 + 8?' }]); // the same as Int32Array
 * ```
 */
export class ChatTemplate {
  readonly #tokenizer: Tokenizer;
  readonly #variables: Record<string, unknown>;
  /** The parsed template; made when it is first needed, so that a model whose template can't be read loads. */
  #program: JinjaProgram | undefined;
  /** Computed when it is first needed; null: there is none. */
  #endOfTurn: number | null | undefined;

  /** @internal Made by `load`. */
  constructor(
    /** The Jinja program. */
    readonly source: string,
    /** File that it was read from. */
    readonly file: string,
    tokenizer: Tokenizer,
    variables: Record<string, unknown>,
  ) {
    this.#tokenizer = tokenizer;
    this.#variables = variables;
  }

  /**
   * Reads the template of a model's folder, or the one that the options name: `chat_template.jinja`, else
   * `chat_template` in `tokenizer_config.json`; of several with names the one that is called `default`.
   *
   * @param folder of the model, in the Hugging Face layout
   * @param tokenizer of the model
   * @returns undefined where the model has none, as most base models
   * @throws {GrpoError} CHAT_TEMPLATE_MISSING where `chatTemplatePath` leads to none, or several have names and
   * none is `default`; MODEL_FILE_UNREADABLE, MODEL_FILE_NOT_JSON
   */
  static async load(
    folder: string,
    tokenizer: Tokenizer,
    { chatTemplatePath = null, chatTemplateKwargs = null }: ChatTemplateOptions = {},
  ): Promise<ChatTemplate | undefined> {
    const found = chatTemplatePath === null ? await templateOf(folder) : await templateAt(chatTemplatePath);
    if (!found) return undefined;
    const config = (await readJsonObject(join(folder, 'tokenizer_config.json'))) ?? {};
    const tokens = NAMED_TOKENS.map((name) => [name, contentOf(config[name])] as const);
    return new ChatTemplate(found.text, found.file, tokenizer, {
      ...Object.fromEntries(tokens.filter(([, token]) => token !== undefined)),
      tools: null,
      documents: null,
      ...chatTemplateKwargs,
    });
  }

  /**
   * The text of a conversation.
   *
   * @param options `generationPrompt`: whether it ends with the beginning of an assistant's message, which the
   * model goes on from; default true
   * @throws {GrpoError} CHAT_TEMPLATE_FAILED where the template is no Jinja program, or refuses the conversation
   */
  render(messages: readonly Message[], { generationPrompt = true } = {}): string {
    const program = (this.#program ??= this.#parsed());
    try {
      return program.run({
        ...this.#variables,
        messages: messages.map(withoutNulls),
        add_generation_prompt: generationPrompt,
      });
    } catch (error) {
      throw new GrpoError(
        'CHAT_TEMPLATE_FAILED',
        `${this.file} fails at the conversation ${shown(conversationText(messages))}: ${reasonOf(error)}`,
        {
          fix: 'change the conversation to what the chat template allows (roles, their order, a system prompt), or give another: --chat-template-path FILE',
          value: messages,
          cause: error,
        },
      );
    }
  }

  /**
   * The token ids of a conversation, with the beginning of the assistant's message that the model goes on from.
   * Special tokens are those that the template writes: none is added to them.
   *
   * @throws {GrpoError} CHAT_TEMPLATE_FAILED, TOKENIZER_TEXT, TOKENIZER_VOCABULARY
   */
  encode(messages: readonly Message[]): Int32Array {
    return this.#tokenizer.encode(this.render(messages));
  }

  /**
   * Id of the special token that the template puts after an assistant's message (Qwen: `<|im_end|>`); undefined
   * where it puts none there.
   *
   * @throws {GrpoError} CHAT_TEMPLATE_FAILED, TOKENIZER_TEXT
   */
  get endOfTurnId(): number | undefined {
    if (this.#endOfTurn === undefined) this.check();
    return this.#endOfTurn ?? undefined;
  }

  /**
   * Renders a question with its answer: a template that can't be read, or allows no such conversation, is refused.
   *
   * @throws {GrpoError} CHAT_TEMPLATE_FAILED, TOKENIZER_TEXT
   */
  check(): void {
    this.#endOfTurn = this.#findEndOfTurn() ?? null;
  }

  #findEndOfTurn(): number | undefined {
    const answer = 'An answer whose end is looked for.';
    const text = this.render(
      [
        { role: 'user', content: 'A question.' },
        { role: 'assistant', content: answer },
      ],
      { generationPrompt: false },
    );
    const end = text.indexOf(answer);
    if (end < 0) return undefined;
    return this.#tokenizer
      .encode(text.slice(end + answer.length))
      .find((id) => this.#tokenizer.isSpecial(id));
  }

  #parsed(): JinjaProgram {
    try {
      return new JinjaProgram(this.source);
    } catch (error) {
      throw new GrpoError(
        'CHAT_TEMPLATE_FAILED',
        `the chat template in ${this.file} is no Jinja program: ${reasonOf(error)}`,
        {
          fix: 'correct it, or give another: --chat-template-path FILE',
          value: this.file,
          cause: error,
        },
      );
    }
  }
}

/** @param folder of the model; empty where it was read from none */
export function missingTemplate(folder: string): GrpoError {
  const model = folder === '' ? 'the model' : `the model in ${folder}`;
  return new GrpoError('CHAT_TEMPLATE_MISSING', `${model} has no chat template`, {
    fix: 'base models have none: take the model that was tuned for conversations (often -Instruct), give a template (--chat-template-path FILE), or leave out --chat and --system-prompt',
    value: folder,
  });
}

/** The template at a path that a person gave: a file, or a model's folder. */
async function templateAt(path: string): Promise<TemplateText> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const found = isFolder ? await templateOf(path) : await readTemplate(path);
  if (found) return found;
  throw new GrpoError('CHAT_TEMPLATE_MISSING', `there is no chat template at ${path}`, {
    fix: 'give the file of a template (chat_template.jinja), or the folder of a model that has one',
    value: path,
  });
}

/** The template of a model's folder that is used where no other is asked for. */
async function templateOf(folder: string): Promise<TemplateText | undefined> {
  const templates = await templatesOf(folder);
  const chosen = templates.get(DEFAULT);
  if (chosen || templates.size === 0) return chosen;
  const others = [...templates.keys()];
  throw new GrpoError(
    'CHAT_TEMPLATE_MISSING',
    `${folder} has chat templates with names (${cut(others.join(', '))}), and none is called ${DEFAULT}`,
    { fix: 'write the one that you mean to a file, and give it: --chat-template-path FILE', value: others },
  );
}

/**
 * The templates of a model's folder by their names, with the precedence that transformers gives them: files of their
 * own before `tokenizer_config.json`. One without a name is called `default`.
 * @throws {GrpoError} MODEL_FILE_UNREADABLE, MODEL_FILE_NOT_JSON
 */
export async function templatesOf(folder: string): Promise<Map<string, TemplateText>> {
  const templates = new Map<string, TemplateText>();
  const file = join(folder, 'tokenizer_config.json');
  const value = (await readJsonObject(file))?.chat_template;
  if (typeof value === 'string') templates.set(DEFAULT, { text: value, file });
  for (const { name, template } of Array.isArray(value) ? value.filter(isNamed) : [])
    templates.set(name, { text: template, file });
  for (const name of await additionalNames(folder)) {
    const additional = await readTemplate(join(folder, ADDITIONAL, `${name}.jinja`));
    if (additional) templates.set(name, additional);
  }
  const own = await readTemplate(join(folder, CHAT_TEMPLATE_FILE));
  return own ? templates.set(DEFAULT, own) : templates;
}

async function readTemplate(file: string): Promise<TemplateText | undefined> {
  const content = await readModelFile(file);
  return content && { text: content.toString('utf8'), file };
}

async function additionalNames(folder: string): Promise<string[]> {
  const files = await readdir(join(folder, ADDITIONAL)).catch(() => []);
  return files.filter((name) => name.endsWith('.jinja')).map((name) => name.slice(0, -'.jinja'.length));
}

const isNamed = (value: unknown): value is { name: string; template: string } =>
  isObject(value) && typeof value.name === 'string' && typeof value.template === 'string';

/** Keys without a value are left out, as transformers does: templates ask whether they are defined. */
const withoutNulls = (message: Message): Record<string, unknown> =>
  Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null && value !== undefined));
