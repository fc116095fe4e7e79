/** Native work leaves the event loop free. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { ADAMW, loadModel, tokenCount } from '../support/models.js';
import { largeBatch } from '../support/processes.js';

const LIMIT_MS = 50;

/** The longest the event loop was not free while `work` ran, ms; and how long that was. */
async function longestBlock(work: () => Promise<unknown>): Promise<{ longest: number; total: number }> {
  const INTERVAL = 2;
  let longest = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - INTERVAL);
    last = now;
  };
  const timer = setInterval(look, INTERVAL);
  const start = performance.now();
  await work();
  const total = performance.now() - start;
  await sleep(INTERVAL);
  look();
  clearInterval(timer);
  return { longest, total };
}

it('is never blocked for 50 ms while an engine forwards, goes back, steps, samples, saves and goes', async () => {
  // The machine itself may keep a thread waiting for longer than that, when others want it: a
  // block of our own making comes back in every one of a few tries, such a wait does not.
  const tries = [];
  do {
    const model = await loadModel(fixtureModel('qwen2-tied'));
    const folder = temporaryFolder();
    const batch = largeBatch(6000);
    const ones = new Float32Array(tokenCount(batch)).fill(1e-3);
    const { longest, total } = await longestBlock(async () => {
      // All queued at once: the engine is never idle, so a loop that waits for it shows.
      const queued = [model.freezeReference()];
      for (let step = 0; step < 2; step++) {
        queued.push(
          model.score(batch, { which: 'reference' }).then(() => undefined),
          model.forward(batch, 1).then(() => undefined),
          model.backward(ones),
          model.optimizerStep(ADAMW).then(() => undefined),
        );
      }
      await Promise.all(queued);
      await model.sample({
        prompts: [batch.prompts[0]!],
        promptIndices: [0],
        numGenerations: 500,
        maxCompletionLength: 10,
        seed: 0,
        step: 0,
        temperature: 1,
      });
      await model.save(join(folder, 'final'));
      await model.saveOptimizer(join(folder, 'optimizer.safetensors'));
      await model.dispose();
    });
    expect(total).toBeGreaterThan(300);
    tries.push(longest);
  } while (Math.min(...tries) >= LIMIT_MS && tries.length < 4);
  expect(Math.min(...tries)).toBeLessThan(LIMIT_MS);
});
