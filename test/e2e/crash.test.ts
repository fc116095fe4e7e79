import { expect, it } from 'vitest';
import { prove } from '../crash/harness.js';
import { temporaryFolder } from '../support/fixtures.js';

// `npm run test:crash` does it 200 times.
it('comes to the same end, bit for bit, when it is killed at random moments and resumed', async () => {
  const { kills, runs, faults } = await prove({ kills: 15, seed: 7, folder: temporaryFolder() });
  expect(faults).toEqual([]);
  expect(kills).toBe(15);
  expect(runs).toBeGreaterThan(0);
});
