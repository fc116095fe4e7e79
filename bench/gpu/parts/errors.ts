/** Wrong input is refused by its code, and the engine goes on: on a GPU a wrong index would end the process. */
import { GrpoError } from '../../../src/common/errors.js';
import { createEngine } from '../../../src/engine/addon.js';
import type { OptimizerOptions } from '../../../src/engine/types.js';
import { engineThreads } from '../../../src/machine/processor.js';
import { fingerprint } from '../fingerprint.js';
import { batchOf, TINY, tokens } from '../models.js';
import type { Part } from '../part.js';

const SAMPLE = { numGenerations: 2, maxCompletionLength: 2, temperature: 1, seed: 1, step: 1 };
const ADAMW: OptimizerOptions = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0,
  noWeightDecay: [],
  maxGradNorm: 1,
};

export const errors: Part = {
  name: 'errors',
  title: 'wrong input is refused, and the engine goes on',
  kind: 'check',
  seconds: 30,
  async run(check) {
    const missing = createEngine({
      device: 'cuda:99',
      dtype: 'float32',
      threads: engineThreads(0),
      matrixBackend: 'mkl',
    });
    check.equal('cuda:99', await codeOf(missing.info()), 'DEVICE_MISSING');
    await missing.dispose();

    const model = await TINY.open(check.device, 'float32');
    const batch = batchOf(model, check.scale);
    const before = await model.score(batch);
    const { vocabSize } = model.config;
    for (const wrong of [-1, vocabSize, 2 ** 31 - 1]) {
      const completions = [Int32Array.of(1, wrong), ...batch.completions.slice(1)];
      const [scored, learned, sampled] = [
        model.score({ ...batch, completions }),
        model.forward({ ...batch, completions }, 1),
        model.sample({ ...SAMPLE, prompts: [Int32Array.of(wrong)], promptIndices: [0] }),
      ];
      check.equal(`score of token ${wrong}`, await codeOf(scored), 'BAD_ARGUMENT');
      check.equal(`forward of token ${wrong}`, await codeOf(learned), 'BAD_ARGUMENT');
      check.equal(`sampling after token ${wrong}`, await codeOf(sampled), 'BAD_ARGUMENT');
      check.equal(
        `logits of token ${wrong}`,
        await codeOf(model.engine.logits(Int32Array.of(wrong))),
        'BAD_ARGUMENT',
      );
    }
    const after = await model.score(batch);
    check.equal('scores after all of it', fingerprint(after.logps), fingerprint(before.logps));
    const aborted = model.engine.logits(tokens(100, vocabSize, 'aborted'));
    model.engine.abort();
    await codeOf(aborted);
    check.equal(
      'scores after an abort',
      fingerprint((await model.score(batch)).logps),
      fingerprint(before.logps),
    );

    // A gradient that is no number: the norm says so, and nothing is updated.
    const { logps } = await model.forward(batch, 1);
    await model.backward(logps.map(() => NaN));
    check.equal('norm of a gradient of NaN', String(await model.optimizerStep(ADAMW)), 'NaN');
    check.equal('scores after it', fingerprint((await model.score(batch)).logps), fingerprint(before.logps));

    // Weights that overflow: no draw may leave the vocabulary, which a GPU doesn't forgive.
    await model.forward(batch, 1);
    await model.backward(logps.map(() => 1));
    await model.optimizerStep({ ...ADAMW, learningRate: 1e30 });
    const { completions } = await model.sample({
      ...SAMPLE,
      prompts: [batch.prompts[0]!],
      promptIndices: [0],
    });
    const outside = completions.flatMap(({ ids }) => [...ids]).filter((id) => id < 0 || id >= vocabSize);
    check.equal('tokens outside the vocabulary, of weights that overflowed', outside.length, 0);
    await model.dispose();
    const next = await TINY.open(check.device, 'float32');
    check.equal(
      'scores of a new engine',
      fingerprint((await next.score(batch)).logps),
      fingerprint(before.logps),
    );
    await next.dispose();
  },
};

/** The code that it is refused with. */
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof GrpoError ? error.code : String(error)),
  );
