/**
 * The journal's partial credit for arithmetic: 1 for the answer, 0.5 for one off by 1, 0.25 for one off by 2
 * to 5, -0.5 for another number, -1 for no number. The result of another operation on the same numbers is
 * a mistake of another kind, however near it lies: -0.5.
 */
import type { Completion, RewardFunction } from '../tasks/task.js';
import { extractAnswer } from './extract.js';

const PROBLEM = /(-?\d+)\s*([-+*])\s*(-?\d+)/;
const WHOLE = /^-?\d+$/;

/**
 * Partial credit for arithmetic: 1 for the answer, 0.5 for a number off by 1, 0.25 for one off by 2 to 5, -0.5
 * for any other number or for the result of another operation, -1 for no number.
 *
 * @example
 * ```ts
 * const task = await loadTask('arithmetic');
 * await train({ model: 'tiny', maxSteps: 50 }, { task, reward: partialCredit });
 * ```
 */
export const partialCredit: RewardFunction = (completions) => completions.map(credit);

function credit({ completion, answer, prompt }: Completion): number {
  const given = extractAnswer(completion);
  if (given === answer) return 1;
  // Digits of other scripts are no answer here.
  if (!WHOLE.test(given)) return -1;
  const distance = Math.abs(Number(given) - Number(answer));
  if (otherResults(prompt).includes(Number(given))) return -0.5;
  if (distance <= 1) return 0.5;
  return distance <= 5 ? 0.25 : -0.5;
}

/** What the other two operations give on the prompt's numbers. */
function otherResults(prompt: string): number[] {
  const match = PROBLEM.exec(prompt);
  if (!match) return [];
  const [a, b] = [Number(match[1]), Number(match[3])];
  const results: Record<string, number> = { '+': a + b, '-': a - b, '*': a * b };
  const own = match[2]!;
  return Object.entries(results)
    .filter(([operation, result]) => operation !== own && result !== results[own])
    .map(([, result]) => result);
}
