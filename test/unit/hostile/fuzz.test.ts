/** A part of what `npm run fuzz` does, the same each time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { fixtures } from '../../support/fixtures.js';
import { fuzz } from '../../support/hostile/run.js';
import { targets } from '../../support/hostile/targets.js';

const RUNS = 200;
const scratch = mkdtempSync(join(tmpdir(), 'grpo-native-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('bad input is read or refused with a code:', () => {
  it.each(targets(join(fixtures, 'models'), scratch))(
    '$name',
    async (target) => {
      // The tokenizer's library speaks of patterns that it doesn't know.
      vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      const { runs, outcomes, failure } = await fuzz(target, { runs: RUNS, seed: 20 });
      expect(failure?.error).toBeUndefined();
      expect(runs).toBe(RUNS);
      // Neither all good nor all broken in the same way: it gets as far as what it is about.
      expect(outcomes.size).toBeGreaterThan(1);
    },
    60_000,
  );
});
