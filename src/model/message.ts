/** Conversations, as chat templates take them and as text. */
import { isObject } from '../common/json.js';

/** A message of a conversation, as chat templates take it. */
export interface Message {
  /** Who speaks: `system`, `user`, `assistant` or another role that the model's template knows. */
  role: string;
  /** What is said. */
  content: string;
}

/** What a model is asked: a text that it goes on from, or a conversation that it answers. */
export interface Prompt {
  /** The text; of a conversation its text for display, which `conversationText` gives. */
  prompt: string;
  /** The conversation, which the model's chat template turns into text; absent: `prompt` is that text. */
  messages?: Message[];
}

/** Whether prompts that are texts are put to the model as conversations. */
export interface ChatOptions {
  /** A text is what a user says; default false. */
  chat?: boolean;
  /** What a system message before it says, which implies `chat`; null (default): there is none. */
  systemPrompt?: string | null;
}

/**
 * The prompt as the options say: a text as what the user says, after the system prompt where there is one. A
 * conversation that begins with a system message of its own keeps it.
 */
export function asConversation<P extends Prompt>(
  prompt: P,
  { chat = false, systemPrompt = null }: ChatOptions,
): P {
  if (!chat && systemPrompt === null) return prompt;
  const said = prompt.messages ?? [{ role: 'user', content: prompt.prompt }];
  const system = systemPrompt === null || said[0]?.role === 'system' ? [] : [systemMessage(systemPrompt)];
  return { ...prompt, messages: [...system, ...said] };
}

const systemMessage = (content: string): Message => ({ role: 'system', content });

/** Whether one of the prompts is a conversation, for which a model needs a chat template. */
export const hasConversation = (prompts: readonly Prompt[]): boolean =>
  prompts.some(({ messages }) => messages !== undefined);

/** A conversation as a text for display: the content of a single user message, else a line for each message. */
export function conversationText(messages: readonly Message[]): string {
  if (messages.length === 1 && messages[0]!.role === 'user') return messages[0]!.content;
  return messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
}

/** Whether a value is a conversation of at least one message. */
export const isConversation = (value: unknown): value is Message[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every(
    (one: unknown) => isObject(one) && typeof one.role === 'string' && typeof one.content === 'string',
  );
