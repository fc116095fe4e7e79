/** The problems of a case: arithmetic, after a text where the case has long prompts. */
import { generator } from '../src/common/random.js';
import { loadDataset, loadTask } from '../src/data/tasks/index.js';
import type { Problem } from '../src/data/tasks/task.js';
import type { Case } from './cases.js';

/** Training problems, of which no two share more than the first tokens of their prompts. */
export async function problemsOf({ prompt_tokens: length }: Pick<Case, 'prompt_tokens'>): Promise<Problem[]> {
  const { train } = await loadDataset(await loadTask('arithmetic'));
  if (length === null) return train;
  return train.map((problem, i) => ({ ...problem, prompt: `${digits(length, i)} ${problem.prompt}` }));
}

/** A digit is a token of its own in the tokenizers of Qwen2 and SmolLM2, and in that of `shape-tokenizer.ts`. */
function digits(count: number, seed: number): string {
  const below = generator(`text before problem ${seed}`);
  return Array.from({ length: count }, () => below(10)).join('');
}
