/** What a value of a row is read as: a text, or a conversation. */
import { isObject, parseJson } from '../../common/json.js';
import type { Message } from '../../model/message.js';

/**
 * A text, number or truth value as text, as JSON writes it; a list of one, and what a message says, likewise.
 * Undefined: it is something else, or nothing.
 */
export function textOfValue(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || isExact(value)) return String(value);
  if (Array.isArray(value)) return value.length === 1 ? textOfValue(value[0]) : undefined;
  return messageOf(value)?.content;
}

/** Of an integer that JavaScript can't hold the file may say another one. */
const isExact = (value: unknown): value is number =>
  typeof value === 'number' &&
  Number.isFinite(value) &&
  (Number.isSafeInteger(value) || !Number.isInteger(value));

/** A list of messages, or the JSON of one; undefined where it is neither. */
export function conversationOf(value: unknown): Message[] | undefined {
  const list = typeof value === 'string' && /^\s*\[\s*\{/.test(value) ? parseJson(value) : value;
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const messages = list.map(messageOf);
  return messages.every((message) => message !== undefined) ? messages : undefined;
}

function messageOf(value: unknown): Message | undefined {
  if (!isObject(value) || typeof value.role !== 'string') return undefined;
  const content = contentOf(value.content);
  return content === undefined ? undefined : { role: value.role, content };
}

/** A text, or parts of which each is a text, as APIs of chat models have them. */
function contentOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.map((part: unknown) =>
    isObject(part) && part.type === 'text' ? part.text : undefined,
  );
  return texts.every((text) => typeof text === 'string') ? texts.join('') : undefined;
}
