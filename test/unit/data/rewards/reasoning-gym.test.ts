import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixtures } from '../../../support/fixtures.js';
import { loadOne, problemOf } from '../../../support/rewards.js';

/** Scores that the package gives to completions, by examples/recipes/gym.py. */
const checks = JSON.parse(readFileSync(join(fixtures, 'recipes/reasoning-gym.json'), 'utf8')) as {
  task: string;
  answer: string;
  completion: string;
  score: number;
}[];

describe('exact_match on reasoning-gym', () => {
  const tasks = [...new Set(checks.map(({ task }) => task))];

  it('has ten tasks', () => {
    expect(tasks).toHaveLength(10);
  });

  it.each(tasks)('%s: is 1 where the package gives the whole score, else 0', async (name) => {
    const own = checks.filter(({ task }) => task === name);
    expect(own.some(({ score }) => score === 1) && own.some(({ score }) => score === 0)).toBe(true);
    const { reward } = await loadOne('exact_match');
    const given = await reward(
      own.map(({ answer, completion }) => ({
        prompt: '',
        completion,
        answer,
        problem: problemOf(answer),
      })),
    );
    expect(given).toEqual(own.map(({ score }) => (score === 1 ? 1 : 0)));
  });
});
