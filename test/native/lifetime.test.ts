/** Engines that are aborted, disposed of, dropped, or lose the thread that made them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { LanguageModel, SampleOptions } from '../../src/model/language-model.js';
import { codeOf, fixtureModel } from '../support/fixtures.js';
import { loadModel } from '../support/models.js';
import { randomTokens } from '../support/numbers.js';
import { engineInProcess, engineInWorker, firstMessage, largeBatch } from '../support/processes.js';

const load = () => loadModel(fixtureModel('qwen2-tied'));
const PROMPT = Int32Array.of(5, 6, 7);
const SAMPLING: SampleOptions = {
  prompts: [randomTokens(8, 1)],
  promptIndices: [0],
  numGenerations: 64,
  maxCompletionLength: 400,
  seed: 1,
  step: 0,
  temperature: 1,
};

/** The engine computes as if nothing had happened. */
async function expectUsable(model: LanguageModel) {
  const fresh = await load();
  expect(await model.engine.logits(PROMPT)).toEqual(await fresh.engine.logits(PROMPT));
  const short = { ...SAMPLING, maxCompletionLength: 6 };
  expect((await model.sample(short)).completions).toEqual((await fresh.sample(short)).completions);
}

describe('abort', () => {
  it('ends a forward that is under way, and the engine goes on', async () => {
    const model = await load();
    const { engine } = model;
    const batch = largeBatch(6000);
    const before = engine.info();
    const work = codeOf(engine.forward(batch, 1));
    await before; // the forward has begun
    await sleep(3);
    engine.abort();
    expect(await work).toBe('ABORTED');
    // What it left is no forward to go back through.
    expect(await codeOf(engine.backward(new Float32Array(1), null))).toBe('FORWARD_MISSING');
    await expectUsable(model);
  });

  it('ends what is queued, and nothing that is queued later', async () => {
    const { engine } = await load();
    const batch = largeBatch(600);
    const queued = Array.from({ length: 5 }, () => codeOf(engine.score(batch, 'policy', 1)));
    engine.abort();
    const later = engine.logits(PROMPT);
    expect((await Promise.all(queued)).slice(1)).toEqual(Array(4).fill('ABORTED'));
    expect((await later).length).toBeGreaterThan(0);
  });

  it('is nothing to an idle engine', async () => {
    const model = await load();
    model.engine.abort();
    model.engine.abort();
    await expectUsable(model);
  });

  it('ends sampling by a signal between tokens', async () => {
    const model = await load();
    const controller = new AbortController();
    let positions = 0;
    const onPosition = () => {
      if (++positions === 5) controller.abort();
    };
    expect(await codeOf(model.sample({ ...SAMPLING, signal: controller.signal, onPosition }))).toBe(
      'ABORTED',
    );
    expect(positions).toBe(5);
    await expectUsable(model);
  });

  it('ends sampling in the middle of a token, which then has to start anew', async () => {
    const model = await load();
    const { engine } = model;
    const prompts = largeBatch(6000).completions;
    await engine.sampleStart({
      ...SAMPLING,
      ...{ prompts, promptIndices: [...prompts.keys()], numGenerations: 1, firstGeneration: 0 },
      ...{ topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, eosTokenIds: [0] },
    });
    const before = engine.info();
    const next = codeOf(engine.sampleNext(new Int32Array()));
    await before; // the first token's forward has begun
    await sleep(3);
    engine.abort();
    expect(await next).toBe('ABORTED');
    expect(await codeOf(engine.sampleNext(new Int32Array()))).toBe('SAMPLING_NOT_STARTED');
    await expectUsable(model);
  });
});

describe('dispose', () => {
  it('may be called twice, at once and later', async () => {
    const { engine } = await load();
    await Promise.all([engine.dispose(), engine.dispose()]);
    await engine.dispose();
  });

  it('leaves an engine that says so', async () => {
    const model = await load();
    const { engine } = model;
    const disposed = model.dispose();
    const batch = largeBatch(60);
    const calls = () => [
      engine.info(),
      engine.logits(PROMPT),
      engine.score(batch, 'policy', 1),
      engine.forward(batch, 1),
      engine.backward(new Float32Array(1), null),
      engine.parameters(),
      engine.memory(),
      engine.sampleNext(new Int32Array()),
      engine.freezeReference(),
      model.sample(SAMPLING),
    ];
    const codes = await Promise.all(calls().map(codeOf));
    await disposed;
    codes.push(...(await Promise.all(calls().map(codeOf))));
    expect([...new Set(codes)]).toEqual(['ENGINE_DISPOSED']);
    engine.abort();
  });

  it('ends queued work with ABORTED, and waits for it', async () => {
    const { engine } = await load();
    const batch = largeBatch(1500);
    const ended: string[] = [];
    const queued = Array.from({ length: 6 }, () =>
      codeOf(engine.score(batch, 'policy', 1)).then((code) => ended.push(code)),
    );
    await engine.dispose();
    expect(ended.slice(1)).toEqual(Array(5).fill('ABORTED'));
    await Promise.all(queued);
  });

  it('leaves other engines alone', async () => {
    const [one, other] = [await load(), await load()];
    const before = await one.engine.logits(PROMPT);
    await other.dispose();
    expect(await one.engine.logits(PROMPT)).toEqual(before);
  });
});

describe('two engines', () => {
  it('work at once and give what each gives alone', async () => {
    const [one, other] = [await load(), await loadModel(fixtureModel('llama-tied'))];
    const batch = largeBatch(300);
    const expected = [await one.score(batch), await other.score(batch)];
    const pairs = Array.from({ length: 10 }, () => Promise.all([one.score(batch), other.score(batch)]));
    for (const pair of await Promise.all(pairs)) expect(pair).toEqual(expected);
  });
});

describe('worker threads', () => {
  it('load the addon beside the main thread and compute the same', async () => {
    const model = await load();
    const worker = await engineInWorker('logits');
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    expect(await firstMessage(worker)).toEqual([...(await model.engine.logits(Int32Array.of(1, 2, 3)))]);
    // Its engine was not disposed of: it ends all the same.
    expect(await exit).toBe(0);
    await expectUsable(model);
  });

  it('may be terminated in the middle of a step', async () => {
    const model = await load();
    for (let round = 0; round < 3; round++) {
      const worker = await engineInWorker('step');
      expect(await firstMessage(worker)).toBe('working');
      await sleep(20 * round);
      await worker.terminate();
    }
    await expectUsable(model);
  });
});

describe('a process', () => {
  it('exits by itself with an engine that nobody disposed of', async () => {
    const { status, output, errors } = await engineInProcess('logits');
    expect({ status, errors }).toEqual({ status: 0, errors: '' });
    expect(JSON.parse(output)).toHaveLength(3 * 96);
  });

  it('lives until the work that it asked for is done', async () => {
    const { status, output, errors } = await engineInProcess('finish');
    expect({ status, errors }).toEqual({ status: 0, errors: '' });
    expect(Number(output)).toBeGreaterThan(1000);
  });

  it('may exit in the middle of native work, with its own status', async () => {
    expect(await engineInProcess('exit')).toEqual({ status: 7, output: '"working"', errors: '' });
  });

  it('may drop engines for the garbage collector to find', async () => {
    expect(await engineInProcess('drop')).toEqual({ status: 0, output: '96', errors: '' });
  });
});
