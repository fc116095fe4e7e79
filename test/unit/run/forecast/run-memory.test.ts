import { describe, expect, it } from 'vitest';
import { SHAPES } from '../../../../bench/shapes.js';
import { memory } from '../../../../src/machine/memory.js';
import { parseModelConfig } from '../../../../src/model/config.js';
import {
  leastMemory,
  memoryOfRun,
  nearestThatFits,
  refuseUnfit,
} from '../../../../src/run/forecast/run-memory.js';
import { fakeModel } from '../../../support/fake-model.js';
import { fixtureModel } from '../../../support/fixtures.js';

/** GB for a process to grow by so many bytes. */
const room = (bytes: number) => (process.memoryUsage.rss() + bytes) / 1e9;
const options = { dtype: 'float32', beta: 0.1, maxMemory: null } as const;
const folder = fixtureModel('qwen2-tied');

describe('a run that cannot fit', () => {
  it('is let through where it can', async () => {
    await expect(refuseUnfit(folder, options, null)).resolves.toBeUndefined();
    expect(memory().free).toBeGreaterThan(200e6);
  });

  it('is refused before a weight is read, with a model that would fit', async () => {
    const refused = refuseUnfit(folder, { ...options, maxMemory: room(1e6) }, null);
    await expect(refused).rejects.toMatchObject({
      code: 'MEMORY',
      message: expect.stringMatching(/takes at least \d+ MiB .* of max_memory/) as string,
      fix: expect.stringContaining('use a smaller model') as string,
    });
  });

  it('is judged by the memory of the GPU where it computes there', async () => {
    const total = 80e9;
    const gpu = (free: number) => refuseUnfit(folder, { ...options, maxMemory: null }, { total, free });
    await expect(gpu(2e9)).resolves.toBeUndefined();
    await expect(gpu(1e8)).rejects.toMatchObject({
      code: 'MEMORY',
      message: expect.stringMatching(/of the GPU's memory.* and 95 MiB are free/) as string,
    });
    const limited = refuseUnfit(folder, { ...options, maxMemory: 0.1 }, { total, free: total });
    await expect(limited).rejects.toMatchObject({ code: 'MEMORY' });
  });
});

describe('the memory of a run on a GPU', () => {
  const run = {
    ...options,
    kind: 'grpo',
    numGenerations: 4,
    maxCompletionLength: 8,
    saveSteps: 1,
    syncRefModel: false,
    folder: undefined,
    sampledTogether: 1,
    parts: 1,
  } as const;
  const forecast = async (free: number, maxMemory: number | null = null) => {
    const model = await fakeModel();
    const engine = { ...(await model.info()), device: 'cuda:1', deviceMemory: { total: 80e9, free } };
    return memoryOfRun(model, engine, [4], { ...run, maxMemory });
  };

  it("is compared with the GPU's, not with the machine's", async () => {
    const roomy = await forecast(70e9);
    expect(roomy.fits).toBe(true);
    expect(roomy.bytes.available).toBeGreaterThan(69e9);
    const full = await forecast(1e6);
    expect(full.fits).toBe(false);
    expect(full.text).toMatch(/the run takes up to .* of cuda:1's memory, and there are /);
  });

  it('leaves out the copy for checkpoints, which is in main memory', async () => {
    expect((await forecast(70e9)).bytes.checkpoint).toBe(0);
  });

  it('keeps within max_memory', async () => {
    expect((await forecast(70e9, 4)).bytes.available).toBe(4e9);
  });
});

describe('what a run is expected to take', () => {
  const run = {
    kind: 'grpo',
    numGenerations: 4,
    maxCompletionLength: 6,
    saveSteps: 0,
    syncRefModel: false,
    folder: undefined,
    sampledTogether: 2,
    parts: 1,
  } as const;
  const completion = (prompt: string, text: string, length: number) => ({ prompt, completion: text, length });
  const full = ['a', 'b'].flatMap((prompt) =>
    ['1', '2', '3', '4'].map((text) => completion(prompt, text, 6)),
  );

  it('is the most it can take where completions have the full length and are all different', async () => {
    const model = await fakeModel();
    const { bytes, expectedPeak } = await memoryOfRun(model, await model.info(), [4, 4], {
      ...options,
      ...run,
    });
    expect(expectedPeak(full)).toBe(bytes.peak);
  });

  it('is less by the tokens that completions share or do not have', async () => {
    const model = await fakeModel();
    const { bytes, expectedPeak } = await memoryOfRun(model, await model.info(), [4, 4], {
      ...options,
      ...run,
    });
    const alike = full.map(({ prompt }) => completion(prompt, '1', 6));
    const short = full.map(({ prompt, completion: text }) => completion(prompt, text, 2));
    for (const step of [alike, short]) expect(expectedPeak(step)).toBeLessThan(bytes.peak);
    // Two distinct completions of one further token each.
    const both = ['a', 'b'].map((prompt) => completion(prompt, '1', 2));
    expect(expectedPeak(both)).toBeLessThan(Math.min(expectedPeak(alike), expectedPeak(short)));
    expect(expectedPeak([...both, ...both])).toBe(expectedPeak(both));
  });
});

describe('a run that nearly fits', () => {
  const BESIDE = 128e6;
  const config = parseModelConfig(SHAPES['qwen2-0.5b']!.config);
  it.each([
    ['use --beta 0 (no reference model)', { beta: 0.1, dtype: 'float32' }],
    ['use --dtype float32', { beta: 0, dtype: 'bfloat16' }],
    ['use --beta 0 --dtype float32', { beta: 0.1, dtype: 'bfloat16' }],
  ] as const)('is told of the nearest options that do: %s', (fix, asked) => {
    const enough = leastMemory(config, 1, { beta: 0, dtype: 'float32' }, BESIDE);
    expect(leastMemory(config, 1, asked, BESIDE)).toBeGreaterThan(enough);
    expect(nearestThatFits(config, 1, { ...asked, maxMemory: null }, enough, BESIDE)).toContain(fix);
    const advice = (free: number) => nearestThatFits(config, 1, { ...asked, maxMemory: null }, free, BESIDE);
    expect(advice(enough / 2)).toMatch(/use --use-peft .*: that takes 1\.\d GiB/);
    expect(advice(enough / 16)).toMatch(
      /smaller model: with --use-peft, one of up to \d+ million parameters fits \(this one has 494\)/,
    );
  });
});
