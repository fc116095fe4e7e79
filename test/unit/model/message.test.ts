import { describe, expect, it } from 'vitest';
import { asConversation, conversationText, isConversation } from '../../../src/model/message.js';

const user = { role: 'user', content: 'Hi' };
const system = { role: 'system', content: 'Be brief.' };
const other = { role: 'system', content: 'Be long.' };

describe('a prompt as a conversation', () => {
  const text = { prompt: 'Hi', answer: 'Hello' };

  it.each([
    [{}, undefined],
    [{ chat: false, systemPrompt: null }, undefined],
    [{ chat: true }, [user]],
    [{ systemPrompt: 'Be brief.' }, [system, user]],
    [{ systemPrompt: '' }, [{ role: 'system', content: '' }, user]],
  ])('of a text with %j', (options, messages) => {
    const expected = messages ? { ...text, messages } : text;
    expect(asConversation(text, options)).toStrictEqual(expected);
  });

  it.each([
    [[user], {}, [user]],
    [[user], { chat: true }, [user]],
    [[user], { systemPrompt: 'Be brief.' }, [system, user]],
    [[other, user], { systemPrompt: 'Be brief.' }, [other, user]],
  ])('of %j with %j', (messages, options, expected) => {
    expect(asConversation({ prompt: 'Hi', messages }, options)).toStrictEqual({
      prompt: 'Hi',
      messages: expected,
    });
  });
});

it('is shown as what the user says, or who says what', () => {
  expect(conversationText([user])).toBe('Hi');
  expect(conversationText([system, user])).toBe('system: Be brief.\nuser: Hi');
  expect(conversationText([{ role: 'assistant', content: 'Hi' }])).toBe('assistant: Hi');
});

it.each([
  [[user], true],
  [[system, user], true],
  [[], false],
  [[{ role: 'user' }], false],
  [[{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }], false],
  ['Hi', false],
  [undefined, false],
])('knows that %j is a conversation: %s', (value, is) => {
  expect(isConversation(value)).toBe(is);
});
