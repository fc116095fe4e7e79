/** The reward `exact_match`: 1 for the answer, spaces around it aside, and 0 for anything else. */
import type { RewardFunction } from '../tasks/task.js';

export const exactMatch: RewardFunction = (completions) =>
  completions.map(({ completion, answer }) => (completion.trim() === answer.trim() ? 1 : 0));
