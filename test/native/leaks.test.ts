/** Engines that come and go by the thousand leave nothing behind. */
import { expect, it } from 'vitest';
import { LanguageModel } from '../../src/model/language-model.js';
import { DEVICE } from '../support/device.js';

const LOADS = 1000;
/** What one model holds, weights alone: 3 MB. A leak of one load in fifty would show. */
const GROWTH = 32 << 20;

const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);

async function loadAndDispose(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const model = await LanguageModel.load({ model: 'tiny', device: DEVICE, threads: 1 });
    // It has computed something, so that what a step takes is there to be given back.
    if (i % 50 === 0) await model.engine.logits(Int32Array.of(1, 2, 3));
    await model.dispose();
  }
}

it(`${LOADS} loads and disposals take no more memory than the first hundred`, async () => {
  await loadAndDispose(100);
  const before = process.memoryUsage.rss();
  const began = performance.now();
  await loadAndDispose(LOADS - 100);
  const grown = process.memoryUsage.rss() - before;
  console.info(
    `${LOADS - 100} loads in ${((performance.now() - began) / 1000).toFixed(1)} s: ` +
      `${megabytes(before)} MiB before, ${megabytes(grown)} MiB more after`,
  );
  expect(grown).toBeLessThan(GROWTH);
}, 600_000);
