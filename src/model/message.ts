/** A message of a conversation, as chat templates take it. */
export interface Message {
  /** Who speaks: `system`, `user`, `assistant` or another role that the model's template knows. */
  role: string;
  /** What is said. */
  content: string;
}
