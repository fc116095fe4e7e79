/** Which problems are looked at before a run, where encoding every prompt would take longer than its first steps. */
import type { Problem } from '../../data/tasks/task.js';
import { conversationText } from '../../model/message.js';

/** Up to so many prompts each is encoded, which takes a second or two. */
const FEW = 5000;
/** Most tokens that a byte of a prompt becomes: normalising a text (NFC) makes it up to three times as long. */
const TOKENS_PER_BYTE = 3;
/** Tokens that a chat template may add. */
const ADDED = 1000;

/**
 * Problems by which it can be told whether all prompts fit, and how long the longest are: all where they are few;
 * else the longest by their text, each that may be too long, and one of each order of roles in a conversation,
 * since chat templates refuse some.
 *
 * @param room most tokens that a prompt may have, and what is learned with it
 * @param textOf what becomes tokens
 */
export function problemsToCheck(
  problems: readonly Problem[],
  room: number,
  textOf: (problem: Problem) => string = promptText,
): Problem[] {
  const different = [...new Map(problems.map((problem) => [problem.prompt, problem])).values()];
  if (different.length <= FEW) return different;
  const sized = different.map((problem) => ({ problem, bytes: Buffer.byteLength(textOf(problem)) }));
  const surely = (room - ADDED) / TOKENS_PER_BYTE;
  const longest = sized
    .toSorted((a, b) => b.bytes - a.bytes)
    .filter(({ bytes }, i) => i < FEW || bytes > surely);
  const byRoles = new Map(
    different.flatMap((problem) =>
      problem.messages ? [[problem.messages.map(({ role }) => role).join(), problem]] : [],
    ),
  );
  return [...new Set([...longest.map(({ problem }) => problem), ...byRoles.values()])];
}

/** All that the prompt says, a system message among it. */
export const promptText = ({ prompt, messages }: Problem): string =>
  messages ? conversationText(messages) : prompt;
