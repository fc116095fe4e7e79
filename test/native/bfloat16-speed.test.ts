/** How fast bfloat16 is, and by what it is multiplied: measured, or as it was measured before. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEngine } from '../../src/engine/addon.js';
import type { Bfloat16Info, EngineOptions } from '../../src/engine/types.js';
import { randomTokens, relativeDifference } from '../support/numbers.js';
import { QWEN2_SMALL } from '../support/models.js';

/** Of the norm: bfloat16 keeps 8 bits, and the kernels round at other places. */
const TOLERANCE = 2e-2;
const shape = { in: 64, out: 128, layers: 2 };
const known = (change: Partial<Bfloat16Info> = {}): Bfloat16Info => ({
  speed: 2,
  fewRows: 64,
  fewRowsOfGrad: 256,
  ...change,
});

function open(dtype: EngineOptions['dtype'], bfloat16?: Bfloat16Info) {
  const options = { device: 'cpu', threads: 1, matrixBackend: 'mkl', matrixShape: shape } as const;
  const engine = createEngine({ ...options, dtype, ...(bfloat16 && { bfloat16 }) });
  onTestFinished(() => engine.dispose());
  return engine;
}

describe('bfloat16', () => {
  it('is measured where it may be computed in, and nowhere else', async () => {
    for (const dtype of ['bfloat16', 'auto'] as const) {
      const { bfloat16 } = await open(dtype).info();
      expect(bfloat16!.speed).toBeGreaterThan(0);
      for (const rows of [bfloat16!.fewRows, bfloat16!.fewRowsOfGrad])
        expect([0, 16, 64, 128, 256]).toContain(rows);
    }
    expect((await open('float32').info()).bfloat16).toBeUndefined();
  });

  it('is what auto chooses where it is clearly faster', async () => {
    for (const [speed, dtype] of [
      [0.5, 'float32'],
      [1.1, 'float32'],
      [1.3, 'bfloat16'],
    ] as const)
      expect(await open('auto', known({ speed })).info()).toMatchObject({ dtype, bfloat16: { speed } });
  });

  it('gives the same by the kernels for few rows as by the library, in an engine each', async () => {
    const ids = randomTokens(60, 1, QWEN2_SMALL.vocabSize);
    const logits = async (fewRows: number) => {
      const engine = open('bfloat16', known({ fewRows, fewRowsOfGrad: fewRows }));
      await engine.initialize(QWEN2_SMALL, 1);
      return { engine, first: await engine.logits(ids) };
    };
    const [none, all] = [await logits(0), await logits(256)];
    expect(relativeDifference(none.first, all.first)).toBeLessThan(TOLERANCE);
    // Another engine's choice does not change what this one does.
    expect(await none.engine.logits(ids)).toEqual(none.first);
    expect(await all.engine.logits(ids)).toEqual(all.first);
  });

  it.each([{ speed: -1 }, { fewRows: -1 }, { fewRowsOfGrad: Infinity }])('can not be %j', (wrong) => {
    expect(() => open('auto', known(wrong))).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });
});
