import { describe, expect, it } from 'vitest';
import { SHAPES } from '../../../../bench/shapes.js';
import { memory } from '../../../../src/machine/memory.js';
import { parseModelConfig } from '../../../../src/model/config.js';
import { leastMemory, nearestThatFits, refuseUnfit } from '../../../../src/run/forecast/run-memory.js';
import { fixtureModel } from '../../../support/fixtures.js';

/** GB for a process to grow by so many bytes. */
const room = (bytes: number) => (process.memoryUsage.rss() + bytes) / 1e9;
const options = { dtype: 'float32', beta: 0.1, maxMemory: null } as const;
const folder = fixtureModel('qwen2-tied');

describe('a run that cannot fit', () => {
  it('is let through where it can', async () => {
    await expect(refuseUnfit(folder, options)).resolves.toBeUndefined();
    expect(memory().free).toBeGreaterThan(200e6);
  });

  it('is refused before a weight is read, with a model that would fit', async () => {
    const refused = refuseUnfit(folder, { ...options, maxMemory: room(1e6) });
    await expect(refused).rejects.toMatchObject({
      code: 'MEMORY',
      message: expect.stringMatching(/takes at least \d+ MiB .* of max_memory/) as string,
      fix: expect.stringContaining('use a smaller model') as string,
    });
  });
});

describe('a run that nearly fits', () => {
  const config = parseModelConfig(SHAPES['qwen2-0.5b']!.config);
  it.each([
    ['use --beta 0 (no reference model)', { beta: 0.1, dtype: 'float32' }],
    ['use --dtype float32', { beta: 0, dtype: 'bfloat16' }],
    ['use --beta 0 --dtype float32', { beta: 0.1, dtype: 'bfloat16' }],
  ] as const)('is told of the nearest options that do: %s', (fix, asked) => {
    const enough = leastMemory(config, 1, { beta: 0, dtype: 'float32' });
    expect(leastMemory(config, 1, asked)).toBeGreaterThan(enough);
    expect(nearestThatFits(config, 1, { ...asked, maxMemory: null }, enough)).toContain(fix);
    expect(nearestThatFits(config, 1, { ...asked, maxMemory: null }, enough / 2)).toMatch(
      /smaller model: with --beta 0, one of up to \d+ million parameters fits \(this one has 494\)/,
    );
  });
});
