/** A message of a conversation, as chat templates take it. */
export interface Message {
  /** Who speaks: `system`, `user`, `assistant` or another role that the model's template knows. */
  role: string;
  /** What is said. */
  content: string;
}

/** A conversation as text, for display and as the name of a problem: what is said, with who says it. */
export function conversationText(messages: readonly Message[]): string {
  const [first, ...more] = messages;
  if (first?.role === 'user' && more.length === 0) return first.content;
  return messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
}
