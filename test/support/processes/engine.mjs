// An engine in a process or a worker thread of its own; plain JavaScript, so that it starts at once.
// Started by ../processes.ts, which says what it does.
import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers';
import { deserialize } from 'node:v8';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

const order = isMainThread ? deserialize(Buffer.from(process.argv[2], 'base64')) : workerData;
const say = (message) =>
  isMainThread ? process.stdout.write(`${JSON.stringify(message)}\n`) : parentPort.postMessage(message);

const require = createRequire(import.meta.url);
const { Engine } = require(order.addon);
if (order.deviceLibrary) require(order.deviceLibrary);
const options = { device: order.device, dtype: 'float32', threads: 1, matrixBackend: 'mkl' };
const engine = new Engine(options);
await engine.load(order.config, order.tensors);

// Work for about a second that nobody waits for.
const forwards = (count) => {
  for (let i = 0; i < count; i++) engine.forward(order.batch, 1).catch(() => undefined);
};

switch (order.work) {
  case 'logits':
    // Leaves the engine as it is: neither disposed of nor dropped.
    say([...(await engine.logits(Int32Array.of(1, 2, 3)))]);
    break;
  case 'small': {
    const prompts = [Int32Array.of(5, 6, 7, 8, 9)];
    const completions = [Int32Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(1, 4, 9)];
    const { logps } = await engine.forward({ prompts, completions, promptOf: Int32Array.of(0, 0) }, 1);
    await engine.backward(new Float32Array(9).fill(1), null);
    const gradient = await engine.tensor('model.layers.0.mlp.down_proj.weight', 'grad');
    say({ logps: [...logps], gradient: [...gradient] });
    await engine.dispose();
    break;
  }
  case 'step':
    await engine.score(order.batch, 'policy', 1);
    say('working');
    for (;;) {
      await engine.forward(order.batch, 1);
      await engine.backward(order.derivatives, null);
    }
  case 'exit':
    forwards(20);
    say('working');
    setTimeout(() => process.exit(7), 30);
    break;
  case 'finish':
    // The promise alone keeps the process alive until the work is done.
    engine.score(order.batch, 'policy', 1).then(({ computed }) => say(computed));
    break;
  case 'drop':
    for (let i = 0; i < 20; i++) {
      const other = new Engine(options);
      await other.info();
    }
    globalThis.gc();
    say((await engine.logits(Int32Array.of(1))).length);
    break;
}
