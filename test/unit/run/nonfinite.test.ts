import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fakeModel, type FakeModel } from '../../support/fake-model.js';
import { codeOf, temporaryFolder } from '../../support/fixtures.js';
import { rows, run } from '../../support/trainer.js';

/** A model whose step `bad` has a gradient without end. */
async function diverging(bad: number[]): Promise<FakeModel> {
  const model = await fakeModel();
  const step = model.optimizerStep.bind(model);
  model.optimizerStep = (options) => {
    if (bad.includes(model.calls.optimizer + 1)) model.gradients[0] = Infinity;
    return step(options);
  };
  return model;
}

describe('what is no number', () => {
  it('in the weights is noticed', async () => {
    const model = await fakeModel();
    model.weights.fill(NaN, 0, model.weights.length);
    expect(await codeOf(run({ evalSamples: 0 }, { model, save: false }))).toBe('DIVERGED');
  });

  it('in the gradient is not applied: what was learned before is saved, and the batch too', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const model = await diverging([5]);
    const failed = run({ outputDir, evalSamples: 0, saveSteps: 0 }, { model });
    await expect(failed).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringContaining('the gradient norm of step 5 is Infinity') as string,
    });
    expect(model.weights.every(Number.isFinite)).toBe(true);
    expect(readdirSync(join(outputDir, 'checkpoints'))).toEqual(['checkpoint-4']);
    const kept = JSON.parse(readFileSync(join(outputDir, 'nonfinite-step-5.json'), 'utf8')) as {
      batch: { completions: unknown[]; oldLogps: number[] };
    };
    expect(kept).toMatchObject({ step: 5, what: 'gradient norm', value: 'Infinity' });
    expect(kept.batch.completions).toHaveLength(16);
    await run({ outputDir, resume: true, evalSamples: 0 });
    expect(rows(outputDir)).toHaveLength(7);
  });

  it('in the gradient may be skipped, and is told', async () => {
    const outputDir = join(temporaryFolder(), 'run');
    const notices: string[] = [];
    await run(
      { outputDir, evalSamples: 0, onNonfinite: 'skip' },
      { model: await diverging([3]), onNotice: (text) => notices.push(text) },
    );
    expect(notices.filter((text) => text.includes('step 3 is Infinity'))).toHaveLength(1);
    const header = rows(outputDir)[0]!;
    const told = (step: number, name: string) => rows(outputDir)[step]![header.indexOf(name)];
    expect([told(3, 'nonfinite'), told(3, 'grad_norm')]).toEqual(['1', '']);
    expect(told(4, 'nonfinite')).toBe('');
    expect(Number(told(4, 'grad_norm'))).toBeGreaterThan(0);
  });

  it('in every step ends the run even so', async () => {
    const model = await diverging(Array.from({ length: 99 }, (_, i) => i));
    await expect(
      run({ evalSamples: 0, maxSteps: 40, onNonfinite: 'skip' }, { model, save: false }),
    ).rejects.toMatchObject({
      code: 'DIVERGED',
      message: expect.stringContaining('step 10') as string,
    });
  });
});
