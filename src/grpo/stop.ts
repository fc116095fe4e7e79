/** The option `stop`: where a completion ends before the end-of-sequence token and the maximum length. */
import type { Tokenizer } from '../model/tokenizer.js';
import type { StopRule } from '../data/tasks/task.js';

/**
 * The stop rule that the option `stop` names: `answer` is the rule of the rewards, `none` is no rule, anything
 * else is a text (or several) that ends a completion when it appears. Texts are searched for in the text with
 * special tokens, since they may be such tokens: an end of turn that is not an end-of-sequence token.
 * @param rules of the rewards, or a task
 */
export function stopRule(
  stop: string | string[],
  rules?: { stop?: StopRule | undefined },
): StopRule | undefined {
  if (stop === 'none') return undefined;
  if (stop === 'answer') return rules?.stop;
  const ends = Array.isArray(stop) ? stop : [stop];
  return (text, _, drawn = text) => ends.some((end) => drawn.includes(end));
}

/** @throws {GrpoError} TOKENIZER_VOCABULARY where a stop text is a token that the model has no embedding for */
export function checkStop(stop: string | string[], tokenizer: Pick<Tokenizer, 'checkDrawable'>): void {
  if (stop === 'none' || stop === 'answer') return;
  for (const end of [stop].flat()) tokenizer.checkDrawable(end);
}
