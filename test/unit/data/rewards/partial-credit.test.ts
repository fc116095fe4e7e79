import { describe, expect, it } from 'vitest';
import { partialCredit } from '../../../../src/data/rewards/partial-credit.js';
import { loadTask } from '../../../../src/data/tasks/index.js';
import type { Completion } from '../../../../src/data/tasks/task.js';

const asked = (prompt: string, answer: string, completion: string): Completion => {
  const problem = { prompt: `Calculate: ${prompt} = `, answer };
  return { ...problem, completion, problem };
};
const credit = async (prompt: string, answer: string, completion: string) =>
  (await partialCredit([asked(prompt, answer, completion)]))[0];

describe('partial credit', () => {
  it.each([
    ['15 + 8', '23', '23', 1],
    ['15 + 8', '23', ' 23\n', 1],
    ['15 + 8', '23', '24', 0.5],
    ['15 + 8', '23', '22', 0.5],
    ['15 + 8', '23', '25', 0.25],
    ['15 + 8', '23', '28', 0.25],
    ['15 + 8', '23', '29', -0.5],
    ['15 + 8', '23', '7', -0.5], // 15 - 8
    ['15 + 8', '23', '120', -0.5], // 15 * 8
    ['12 - 7', '5', '5.', 1],
    ['12 - 7', '5', '84', -0.5],
    ['4 * 9', '36', '13', -0.5], // 4 + 9
    ['3 * 2', '6', '5', -0.5], // 3 + 2, though off by one
    ['2 * 2', '4', '4', 1], // which 2 + 2 is too
    ['14 - 14', '0', '-1', 0.5],
    ['3 - 8', '-5', '-7', 0.25],
    ['3 - 8', '-5', '5', -0.5],
    ['15 + 8', '23', 'The answer is 23', -1],
    ['15 + 8', '23', '23.5', 1], // the first number is 23
    ['15 + 8', '23', '', -1],
    ['15 + 8', '23', '-', -1],
    ['15 + 8', '23', '٢٣', -1],
  ])('%s = %s, answered %j: %d', async (prompt, answer, completion, expected) => {
    expect(await credit(prompt, answer, completion)).toBe(expected);
  });

  it('makes nothing right that is wrong', async () => {
    const { isCorrect } = await loadTask('arithmetic');
    expect(isCorrect!(asked('15 + 8', '23', '24'), 0.5)).toBe(false);
    expect(isCorrect!(asked('15 + 8', '23', '23'), 1)).toBe(true);
  });
});
