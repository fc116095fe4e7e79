// What `npm run test:tsan` runs: every way in which the engine's thread and JavaScript's meet, without a test
// runner, which under ThreadSanitizer does not get that far. Each step checks what it computed.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { URL, fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';

const scratch = process.argv[2];
const order = deserialize(readFileSync(join(scratch, 'order')));
const { Engine, writeSnapshot } = createRequire(import.meta.url)(order.addon);
// One thread each: OpenMP's own, which are not instrumented, would look like races with one another.
const options = { device: 'cpu', dtype: 'float32', threads: 1, matrixBackend: 'mkl' };
const adamw = {
  ...{ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, noWeightDecay: [] },
  maxGradNorm: 1,
};
const open = async () => {
  const engine = new Engine(options);
  await engine.load(order.config, order.tensors);
  return engine;
};
const step = async (engine) => {
  const { logps } = await engine.forward(order.batch, 1);
  assert.ok(logps.every((value) => value <= 0));
  await engine.backward(order.derivatives, null);
  return engine.optimizerStep(adamw);
};
const codeOf = (work) =>
  work.then(
    () => 'no error',
    ({ code }) => code,
  );

const scenarios = {
  'two engines at once': async () => {
    const engines = await Promise.all([open(), open()]);
    const norms = await Promise.all(engines.map(step));
    assert.equal(norms[0], norms[1]);
    await Promise.all(engines.map((engine) => engine.dispose()));
  },
  'an abort in a step, and a step after it': async () => {
    const engine = await open();
    const work = codeOf(engine.forward(order.batch, 1));
    await sleep(5);
    engine.abort();
    assert.match(await work, /ABORTED|no error/);
    assert.ok((await step(engine)) > 0);
    await engine.dispose();
  },
  'a snapshot that is written while the engine goes on': async () => {
    const engine = await open();
    const [{ name }] = await engine.parameters();
    const snapshot = await engine.snapshot([{ name, kind: 'weight' }]);
    const writing = writeSnapshot(snapshot, join(scratch, 'a'), new Uint8Array(8), Int32Array.of(0));
    await Promise.all([writing, step(engine)]);
    snapshot.release();
    assert.equal(readFileSync(join(scratch, 'a')).length, 8 + snapshot.bytes);
    await engine.dispose();
  },
  'a disposal with calls under way': async () => {
    const engine = await open();
    const calls = Array.from({ length: 5 }, () => codeOf(engine.score(order.batch, 'policy', 1)));
    await engine.dispose();
    for (const code of await Promise.all(calls)) assert.match(code, /ABORTED|no error/);
  },
  'a worker thread that is terminated in a step': async () => {
    const script = fileURLToPath(new URL('../support/processes/engine.mjs', import.meta.url));
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(script, { workerData: { ...order, work: 'step' } });
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await sleep(20 * round);
      await worker.terminate();
    }
  },
};
for (const [name, run] of Object.entries(scenarios)) {
  await run();
  process.stdout.write(`${name}: done\n`);
}
// The process ends with an engine that computes.
void (await open()).forward(order.batch, 1);
