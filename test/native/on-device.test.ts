/**
 * A device that is not the CPU: what it computes is what the CPU computes, and what the engine asks of it
 * is bounded. The test device's own promises are here too, since all of that rests on them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DType } from '../../src/engine/types.js';
import { parseModelConfig } from '../../src/model/config.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import { DEVICE, testDevice, testDevicePath, type Counters } from '../support/device.js';
import { codeOf, fixtureModel, temporaryFolder } from '../support/fixtures.js';
import { ADAMW, batchOf, loadModel, MODELS, randomModel, tensorsOf, tokenCount } from '../support/models.js';
import { randomFloats, randomTokens, relativeDifference } from '../support/numbers.js';

const onTestDevice = DEVICE === 'privateuseone';

/** Of the norm: the same sums in another order; bfloat16 keeps 8 bits. */
const TOLERANCE: Record<DType, number> = { float32: 1e-5, bfloat16: 2e-2 };

const BATCH = batchOf([
  { prompt: randomTokens(9, 1), completions: [2, 3, 4, 5].map((seed) => randomTokens(7 + seed, seed)) },
  { prompt: randomTokens(5, 6), completions: [randomTokens(12, 7), randomTokens(1, 8)] },
]);
const SAMPLING = {
  prompts: [randomTokens(9, 1), randomTokens(5, 6)],
  promptIndices: [0, 1],
  numGenerations: 8,
  maxCompletionLength: 12,
  temperature: 1,
  seed: 3,
  step: 2,
};

/** With a KL to a reference model of other weights. */
async function learnKl(model: LanguageModel): Promise<void> {
  await model.freezeReference();
  await learn(model);
  await model.optimizerStep({ ...ADAMW, eps: 1e-3 });
  await model.forward(BATCH, 0.7, { kl: true });
  await model.backward(
    randomFloats(tokenCount(BATCH), 9),
    randomFloats(tokenCount(BATCH), 10),
    randomFloats(tokenCount(BATCH), 11),
  );
}

async function learn(model: LanguageModel): Promise<void> {
  await model.forward(BATCH, 0.7);
  await model.backward(randomFloats(tokenCount(BATCH), 9), randomFloats(tokenCount(BATCH), 10));
}

const pair = async (name: string, dtype: DType) => [
  await loadModel(fixtureModel(name), { dtype, device: 'cpu' }),
  await loadModel(fixtureModel(name), { dtype }),
];

describe.each(
  MODELS.flatMap((name) => (['float32', 'bfloat16'] as const).map((dtype) => [name, dtype] as const)),
)('%s in %s gives what the CPU gives', (name, dtype) => {
  it('as logits, log-probs and entropies', async () => {
    const [cpu, device] = await pair(name, dtype);
    expect((await device!.info()).device).toContain(DEVICE);
    const ids = randomTokens(30, 1);
    expect(relativeDifference(await device!.engine.logits(ids), await cpu!.engine.logits(ids))).toBeLessThan(
      TOLERANCE[dtype],
    );
    const [expected, scores] = [await cpu!.score(BATCH), await device!.score(BATCH)];
    expect(relativeDifference(scores.logps, expected.logps)).toBeLessThan(TOLERANCE[dtype]);
    expect(relativeDifference(scores.entropies, expected.entropies)).toBeLessThan(TOLERANCE[dtype]);
  });

  it('as gradients, and as weights and moments after a step of AdamW', async () => {
    const [cpu, device] = await pair(name, dtype);
    await Promise.all([learn(cpu!), learn(device!)]);
    for (const kind of ['grad', 'exp_avg', 'exp_avg_sq', 'weight'] as const) {
      const [expected, actual] = await Promise.all([cpu!, device!].map((model) => tensorsOf(model, kind)));
      for (const [parameter, values] of expected!) {
        // Moments are of gradients squared.
        const tolerance = 10 * TOLERANCE[dtype];
        const difference = relativeDifference(actual!.get(parameter)!, values);
        expect(difference, `${kind} of ${parameter}`).toBeLessThan(tolerance);
      }
      if (kind !== 'grad') continue;
      const options = { ...ADAMW, eps: 1e-3, weightDecay: 0.01, maxGradNorm: 1 };
      const norms = await Promise.all([cpu!, device!].map((model) => model.optimizerStep(options)));
      expect(Math.abs(norms[1]! / norms[0]! - 1)).toBeLessThan(TOLERANCE[dtype]);
    }
  });
});

it('gives the KLs and their gradients that the CPU gives', async () => {
  const both = await pair('qwen2-tied', 'float32');
  await Promise.all(both.map(learnKl));
  const [expected, actual] = await Promise.all(both.map((model) => tensorsOf(model, 'grad')));
  for (const [parameter, values] of expected!)
    expect(relativeDifference(actual!.get(parameter)!, values), parameter).toBeLessThan(1e-4);
  const [kls, own] = await Promise.all(
    both.map(async (model) => (await model.score(BATCH, { temperature: 0.7, kl: true })).kls!),
  );
  expect(Math.max(...kls!)).toBeGreaterThan(1e-3);
  expect(relativeDifference(own!, kls!)).toBeLessThan(1e-3);
});

it('draws the tokens that the CPU draws', async () => {
  const [cpu, device] = await pair('qwen2-tied', 'float32');
  for (const options of [
    {},
    { temperature: 0 },
    { topK: 20, topP: 0.9, minP: 0.01, repetitionPenalty: 1.2 },
  ]) {
    const [expected, drawn] = await Promise.all(
      [cpu!, device!].map((model) => model.sample({ ...SAMPLING, ...options })),
    );
    expect(drawn!.completions.map(({ ids }) => ids)).toEqual(expected!.completions.map(({ ids }) => ids));
    expect(
      relativeDifference(
        drawn!.completions.flatMap(({ logps }) => [...logps]),
        expected!.completions.flatMap(({ logps }) => [...logps]),
      ),
    ).toBeLessThan(TOLERANCE.float32);
  }
});

it('saves what the CPU reads, by itself and through a snapshot, and reads it again', async () => {
  const model = await loadModel(fixtureModel('qwen2-tied'));
  await learn(model);
  await model.optimizerStep(ADAMW);
  const folder = temporaryFolder();
  const [saved, optimizer] = [join(folder, 'saved'), join(folder, 'optimizer.safetensors')];
  const snapshot = await model.snapshot();
  await model.save(saved);
  await model.saveOptimizer(optimizer);
  await learn(model);
  await model.optimizerStep(ADAMW);
  await snapshot.save(join(folder, 'snapshot'));
  snapshot.release();
  const bytes = (name: string) => readFileSync(join(folder, name, 'model.safetensors'));
  expect(bytes('snapshot').equals(bytes('saved'))).toBe(true);

  const weights = await tensorsOf(model, 'weight');
  for (const device of ['cpu', DEVICE]) {
    const again = await loadModel(saved, { device });
    await again.loadOptimizer(optimizer, 1);
    await learn(again);
    await again.optimizerStep(ADAMW);
    for (const [name, values] of await tensorsOf(again, 'weight'))
      expect(relativeDifference(values, weights.get(name)!), name).toBeLessThan(1e-4);
  }
});

/** What a piece of work asks of the device: for each layer, and beside the layers. */
interface Cost {
  each: Partial<Counters>;
  fixed: Partial<Counters>;
}

/**
 * The most that may be asked of a device. On a GPU an operation costs the host 5 µs or more, and a copy to
 * the host or a synchronisation stops both. A change that raises one of these numbers has to say why.
 */
const BUDGETS: Record<'position' | 'training' | 'update', Cost> = {
  // One position of 64 completions, all different; the logits of a row are 400 kB.
  position: {
    each: { operations: 40, hostToDevice: 0, deviceToHost: 0, synchronizations: 0 },
    fixed: { operations: 34, hostToDevice: 3, deviceToHost: 1, synchronizations: 1, bytesToHost: 1024 },
  },
  // Forward and backward of a batch. The backward ends in a synchronisation: its seconds are its own.
  training: {
    each: { operations: 177, hostToDevice: 0, deviceToHost: 0, synchronizations: 0 },
    fixed: { operations: 83, hostToDevice: 7, deviceToHost: 2, synchronizations: 3, bytesToHost: 424 },
  },
  // A step of AdamW, whatever the number of parameters: one number comes to the host, and it ends in a
  // synchronisation.
  update: {
    each: { operations: 0, hostToDevice: 0, deviceToHost: 0, synchronizations: 0 },
    fixed: { operations: 9, hostToDevice: 0, deviceToHost: 1, synchronizations: 2, bytesToHost: 8 },
  },
};

const modelOf = (layers: number): Promise<LanguageModel> =>
  randomModel(
    parseModelConfig({
      model_type: 'qwen2',
      vocab_size: 100_003,
      hidden_size: 16,
      intermediate_size: 32,
      num_hidden_layers: layers,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      tie_word_embeddings: true,
    }),
  );

async function counted(work: () => Promise<unknown>): Promise<Counters> {
  const device = testDevice();
  device.reset();
  await work();
  return device.counters();
}

const WORK: Record<keyof typeof BUDGETS, (model: LanguageModel) => Promise<Counters>> = {
  async position({ engine }) {
    await engine.sampleStart({
      ...SAMPLING,
      ...{ prompts: [randomTokens(9, 1)], promptIndices: [0], numGenerations: 64, firstGeneration: 0 },
      ...{ topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, eosTokenIds: [] },
    });
    // The first draws from one distribution, the second still has few distinct prefixes.
    await engine.sampleNext(new Int32Array());
    await engine.sampleNext(new Int32Array());
    const cost = await counted(() => engine.sampleNext(new Int32Array()));
    await engine.sampleEnd();
    return cost;
  },
  training: (model) => counted(() => learn(model)),
  async update(model) {
    // (The first step also makes the moments.)
    await learn(model);
    await model.optimizerStep(ADAMW);
    await learn(model);
    return counted(() => model.optimizerStep({ ...ADAMW, maxGradNorm: 1 }));
  },
};

if (onTestDevice) {
  describe('asks of the device no more than the budget', () => {
    it.each(['position', 'training', 'update'] as const)('for one %s', async (name) => {
      const two = await WORK[name](await modelOf(2));
      const three = await WORK[name](await modelOf(3));
      const over: string[] = [];
      const compare = (what: string, budget: Partial<Counters>, cost: (key: keyof Counters) => number) => {
        for (const [key, most] of Object.entries(budget) as [keyof Counters, number][]) {
          if (!(cost(key) <= most)) over.push(`${what}: ${cost(key)} ${key} are more than ${most}`);
        }
      };
      const value = (counters: Counters, key: keyof Counters) => counters[key] as number;
      const each = (key: keyof Counters) => value(three, key) - value(two, key);
      compare('a layer', BUDGETS[name].each, each);
      compare('the rest', BUDGETS[name].fixed, (key) => value(two, key) - 2 * each(key));
      expect(over).toEqual([]);
    });
  });

  describe('the test device', () => {
    it('ends a process that uses its memory through a pointer', () => {
      const script = `require(${JSON.stringify(testDevicePath())}).dereference()`;
      const { signal, status } = spawnSync(process.execPath, ['-e', script]);
      expect({ signal, status }).toEqual({ signal: 'SIGSEGV', status: null });
    });

    it('refuses an operation on tensors of two devices', () => {
      expect(() => testDevice().mixDevices()).toThrow(
        'index_select: expected all tensors on one device, but found cpu and privateuseone:0',
      );
    });

    it('gives the old number to one who reads a copy that was not waited for', () => {
      expect(testDevice().readEarly()).toEqual({ atOnce: 0, afterWaiting: 7 });
    });

    it('refuses a copy whose source was overwritten before it was waited for', () => {
      expect(() => testDevice().writeEarly()).toThrow('written before the copy was waited for');
    });

    it('counts operations by name, and copies', async () => {
      const model = await loadModel(fixtureModel('qwen2-tied'));
      const { operations, operationsByName, deviceToHost, bytesToHost, synchronizations } = await counted(
        () => model.engine.tensor('model.norm.weight', 'weight'),
      );
      expect({ operations, operationsByName }).toEqual({ operations: 0, operationsByName: {} });
      const bytes = 4 * model.config.hiddenSize;
      expect({ deviceToHost, bytesToHost, synchronizations }).toEqual({
        ...{ deviceToHost: 1, bytesToHost: bytes, synchronizations: 1 },
      });
      const { operationsByName: names } = await counted(() => model.engine.logits(Int32Array.of(1)));
      expect(names.scaled_dot_product_attention).toBe(model.config.numHiddenLayers);
    });

    it('runs out of memory at its limit, and goes on when there is more', async () => {
      const device = testDevice();
      const model = await loadModel(fixtureModel('qwen2-tied'));
      await model.score(BATCH);
      const before = device.allocated();
      onTestFinished(() => device.limit(0));
      device.limit(before + 4096);
      expect(await codeOf(model.score(BATCH))).toBe('OUT_OF_MEMORY');
      expect(device.allocated()).toBe(before);
      device.limit(0);
      expect((await model.score(BATCH)).logps).toHaveLength(tokenCount(BATCH));
    });

    it('takes a limit of an engine where libtorch tells what tensors take, and refuses it elsewhere', async () => {
      const model = await loadModel(fixtureModel('qwen2-tied'));
      const { torchVersion } = await model.info();
      const limited = await codeOf(model.engine.limitMemory(1));
      const scored = await codeOf(model.score(BATCH));
      const [, minor] = torchVersion.split('.').map(Number);
      expect([limited, scored]).toEqual(
        minor! >= 9 ? ['no error', 'OUT_OF_MEMORY'] : ['LIBTORCH_VERSION', 'no error'],
      );
      await model.engine.limitMemory(0);
      expect(await codeOf(model.score(BATCH))).toBe('no error');
    });

    it('has all of its memory back when an engine is disposed of', async () => {
      const before = testDevice().allocated();
      const model = await loadModel(fixtureModel('qwen2-tied'));
      await model.freezeReference();
      await learn(model);
      await model.optimizerStep(ADAMW);
      expect(testDevice().allocated()).toBeGreaterThan(before);
      await model.dispose();
      expect(testDevice().allocated()).toBe(before);
    });
  });
}
