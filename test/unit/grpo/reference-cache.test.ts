import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ReferenceCache } from '../../../src/grpo/reference-cache.js';
import { fakeModel } from '../../support/fake-model.js';
import { temporaryFolder } from '../../support/fixtures.js';

const ids = (...values: number[]) => Int32Array.from(values);
const batch = (completions: Int32Array[], promptOf: number[]) => ({
  prompts: [ids(4, 5), ids(6, 7)],
  promptIndices: [10, 3],
  completions,
  promptOf: ids(...promptOf),
});

async function frozen() {
  const model = await fakeModel();
  await model.freezeReference();
  return model;
}

describe('the reference', () => {
  it('is asked once a path, and says the same each time', async () => {
    const model = await frozen();
    const cache = await ReferenceCache.open(model, 0.7);
    const first = batch([ids(3, 4), ids(3, 5, 6), ids(3, 4), ids(9)], [0, 0, 0, 1]);
    const exact = await model.score(first, { which: 'reference', temperature: 0.7 });
    model.calls.score = 0;
    const asked = await cache.logps(first, 1);
    expect(asked.logps).toEqual(exact.logps);
    expect(asked.computed).toBeGreaterThan(0);

    const again = await cache.logps(batch([ids(3), ids(3, 5), ids(9)], [0, 0, 1]), 2);
    expect(model.calls.score).toBe(1);
    expect(again).toEqual({
      logps: Float32Array.of(exact.logps[0]!, exact.logps[0]!, exact.logps[3]!, exact.logps[7]!),
      computed: 0,
    });

    // The same tokens after another prompt are another path.
    await cache.logps(batch([ids(3, 4)], [1]), 3);
    expect(model.calls.score).toBe(2);
  });

  it('is remembered by a resumed run, up to its checkpoint', async () => {
    const model = await frozen();
    const file = join(temporaryFolder(), 'reference.jsonl');
    let cache = await ReferenceCache.open(model, 0.7, file);
    const one = await cache.logps(batch([ids(3, 4)], [0]), 1);
    await cache.logps(batch([ids(8)], [0]), 2);
    await cache.close();

    cache = await ReferenceCache.open(model, 0.7, file, 1);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(1);
    expect(await cache.logps(batch([ids(3, 4)], [0]), 2)).toEqual({ logps: one.logps, computed: 0 });
    model.calls.score = 0;
    await cache.logps(batch([ids(8)], [0]), 2);
    expect(model.calls.score).toBe(1);
    await cache.close();
  });
});
