/** A snapshot is the model at one moment, whatever the model does while it is written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LanguageModel } from '../../src/model/language-model.js';
import { loadAddon } from '../../src/engine/addon.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { ADAMW, batchOf, loadModel, MODELS, tokenCount } from '../support/models.js';
import { randomFloats, randomTokens } from '../support/numbers.js';

async function optimizerSteps(model: LanguageModel, from: number, to: number) {
  for (let step = from; step < to; step++) {
    const batch = batchOf([{ prompt: randomTokens(4, step), completions: [randomTokens(6, step + 100)] }]);
    await model.forward(batch, 0.7);
    await model.backward(randomFloats(tokenCount(batch), step));
    await model.optimizerStep({ ...ADAMW, weightDecay: 0.01, maxGradNorm: 1 });
  }
  // The reference follows too, so that it is another one than at the snapshot.
  await model.mixReference(0.5);
}

type Saver = Pick<LanguageModel, 'save' | 'saveOptimizer' | 'saveReference'>;

/** The three files of a checkpoint, as bytes. */
async function filesOf(model: Saver): Promise<Buffer[]> {
  const folder = temporaryFolder();
  const [optimizer, reference] = [
    join(folder, 'optimizer.safetensors'),
    join(folder, 'reference.safetensors'),
  ];
  await Promise.all([model.save(folder), model.saveOptimizer(optimizer), model.saveReference(reference)]);
  return [join(folder, 'model.safetensors'), optimizer, reference].map((file) => readFileSync(file));
}

/** Of a safetensors file: what follows the header, whose length comes first. */
const tensorBytes = (file: Buffer): number => file.length - 8 - Number(file.readBigUInt64LE());

it.each(MODELS)('of %s is written bit for bit while optimizer steps go on', async (name) => {
  const model = await loadModel(fixtureModel(name));
  await model.freezeReference();
  await optimizerSteps(model, 0, 3);
  const expected = await filesOf(model);
  const bytes = expected.reduce((sum, file) => sum + tensorBytes(file), 0);
  expect(model.snapshotBytes({ reference: true })).toBe(bytes);
  const snapshot = await model.snapshot({ reference: true });
  const [written] = await Promise.all([filesOf(snapshot), optimizerSteps(model, 3, 13)]);
  // And again, long after.
  const again = await filesOf(snapshot);
  snapshot.release();
  expect(written.map((file, i) => file.equals(expected[i]!))).toEqual([true, true, true]);
  expect(again.map((file, i) => file.equals(expected[i]!))).toEqual([true, true, true]);
  const now = await filesOf(model);
  expect(now.map((file, i) => file.equals(expected[i]!))).toEqual([false, false, false]);
});

it('that was released is refused, and releasing it twice is nothing', async () => {
  const model = await loadModel(fixtureModel('qwen2-tied'));
  const snapshot = await model.snapshot();
  snapshot.release();
  snapshot.release();
  await expect(snapshot.save(temporaryFolder())).rejects.toThrow('the snapshot was released');
});

it('is what release and writing ask for: another object is refused with a code', async () => {
  const { engine } = await loadModel(fixtureModel('qwen2-tied'));
  const snapshot = await engine.snapshot([{ name: 'model.norm.weight', kind: 'weight' }]);
  for (const other of [{}, undefined, { tensors: 1 }]) {
    const refused: unknown = expect.objectContaining({ code: 'BAD_ARGUMENT' });
    expect(() => snapshot.release.call(other as never)).toThrow(refused);
    expect(() =>
      loadAddon().writeSnapshot(other as never, '/no/folder/x', new Uint8Array(8), new Int32Array(1)),
    ).toThrow(refused);
  }
  snapshot.release();
});
