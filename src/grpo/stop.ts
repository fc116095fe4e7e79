/** Where a completion ends, beside the end-of-sequence token and its greatest length. */
import type { Tokenizer } from '../model/tokenizer.js';
import type { StopRule, Task } from '../data/tasks/task.js';

/**
 * The rule that the option `stop` means: `answer` is the task's own, `none` is none, anything else
 * is a text (or several) that ends a completion when it appears. Texts are looked for in what was drawn, since
 * they may be special tokens: the end of a turn, where that is no end of sequence.
 */
export function stopRule(stop: string | string[], task?: Task): StopRule | undefined {
  if (stop === 'none') return undefined;
  if (stop === 'answer') return task?.stop;
  const ends = Array.isArray(stop) ? stop : [stop];
  return (text, _, drawn = text) => ends.some((end) => drawn.includes(end));
}

/** @throws {GrpoError} TOKENIZER_VOCABULARY where a text is a token that the model can't draw */
export function checkStop(stop: string | string[], tokenizer: Pick<Tokenizer, 'checkDrawable'>): void {
  if (stop === 'none' || stop === 'answer') return;
  for (const end of [stop].flat()) tokenizer.checkDrawable(end);
}
