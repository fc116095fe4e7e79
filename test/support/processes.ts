/** Engines in other processes and threads than the test's. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { readModelConfig } from '../../src/model/config.js';
import { locateTensors } from '../../src/model/safetensors.js';
import { addonPath } from '../../src/machine/paths.js';
import type { Batch } from '../../src/engine/types.js';
import { DEVICE, testDevicePath } from './device.js';
import { fixtureModel } from './fixtures.js';
import { batchOf, tokenCount } from './models.js';
import { randomTokens } from './numbers.js';

/** What it does: see `processes/engine.mjs`. */
export type EngineWork = 'logits' | 'small' | 'step' | 'exit' | 'finish' | 'drop';

const SCRIPT = fileURLToPath(new URL('processes/engine.mjs', import.meta.url));

/** Completions that share their prompt alone: about `nodes` distinct tokens. */
export const largeBatch = (nodes: number): Batch =>
  batchOf([
    {
      prompt: randomTokens(20, 1),
      completions: Array.from({ length: Math.ceil(nodes / 60) }, (_, i) => randomTokens(60, 2 + i)),
    },
  ]);

export async function orderFor(work: EngineWork) {
  const folder = fixtureModel('qwen2-tied');
  const config = await readModelConfig(folder);
  const batch = largeBatch(1500);
  const derivatives = new Float32Array(tokenCount(batch)).fill(1);
  return {
    work,
    addon: addonPath(),
    device: DEVICE,
    deviceLibrary: DEVICE === 'privateuseone' ? testDevicePath() : undefined,
    config,
    tensors: await locateTensors(folder, config),
    batch,
    derivatives,
  };
}

export async function engineInWorker(work: EngineWork): Promise<Worker> {
  return new Worker(SCRIPT, { workerData: await orderFor(work) });
}

export const firstMessage = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });

/** Runs to the end; a signal shows as a status of its own. */
export async function engineInProcess(work: EngineWork, env: NodeJS.ProcessEnv = {}) {
  const order = serialize(await orderFor(work)).toString('base64');
  const child = spawn(process.execPath, ['--expose-gc', SCRIPT, order], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const status = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve(signal ?? code));
  });
  return { status, output: output.trim(), errors };
}
