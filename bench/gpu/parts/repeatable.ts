/** Equal seeds give equal numbers, to the bit, whatever ran before. */
import type { DType } from '../../../src/engine/types.js';
import { withoutWeightDecay, expectedTensors } from '../../../src/model/tensor-names.js';
import { Difference } from '../differences.js';
import { Fingerprint, fingerprint } from '../fingerprint.js';
import { tokens, TINY, values, wide, type Subject } from '../models.js';
import type { Part, Scale } from '../part.js';

/** Rounding between a token's log-prob when it was drawn and when it was learned from, nats. */
const LOGP = { float32: 1e-4, bfloat16: 0.1 };

export const repeatable: Part = {
  name: 'repeatable',
  title: 'equal seeds, equal bits',
  kind: 'check',
  seconds: 90,
  async run(check) {
    for (const subject of [TINY, wide(check.scale)])
      for (const dtype of ['float32', 'bfloat16'] as const) {
        const name = `${subject.name}, ${dtype}`;
        const first = await episode(subject, check.device, dtype, check.scale);
        const second = await episode(subject, check.device, dtype, check.scale);
        // Another model, another shape, another type: other kernels, and memory left in another state.
        const others = dtype === 'float32' ? 'bfloat16' : 'float32';
        await episode(subject === TINY ? wide(check.scale) : TINY, check.device, others, check.scale);
        const third = await episode(subject, check.device, dtype, check.scale);
        for (const what of ['drawn', 'log-probs', 'weights'] as const) {
          check.equal(`${name}: ${what}, once more`, second[what], first[what]);
          check.equal(`${name}: ${what}, after other work`, third[what], first[what]);
        }
        check.atMost(
          `${name}: log-probs of learning against those of sampling`,
          first.gap,
          LOGP[dtype],
          'nats',
        );
      }
  },
};

interface Episode {
  drawn: string;
  'log-probs': string;
  weights: string;
  /** Largest difference between log-probs as sampled and as computed anew. */
  gap: number;
}

/** Samples, learns from it twice, and hashes everything. */
async function episode({ open }: Subject, device: string, dtype: DType, scale: Scale): Promise<Episode> {
  const model = await open(device, dtype);
  try {
    const { vocabSize } = model.config;
    const prompts = [11, 30].map((length) => tokens(length, vocabSize, `prompt of ${length}`));
    const [numGenerations, maxCompletionLength] = scale === 'full' ? [16, 24] : [4, 6];
    const { completions } = await model.sample({
      prompts,
      promptIndices: [0, 1],
      numGenerations,
      maxCompletionLength,
      temperature: 1,
      seed: 7,
      step: 1,
      keepActivations: true,
    });
    const batch = {
      prompts,
      completions: completions.map(({ ids }) => ids),
      promptOf: Int32Array.from(completions, ({ prompt }) => prompt),
    };
    // Before the first step: without what sampling kept, so computed anew.
    const gap = new Difference();
    gap.add(
      (await model.score(batch)).logps,
      completions.flatMap(({ logps }) => [...logps]),
    );
    const scores = new Fingerprint();
    const noWeightDecay = withoutWeightDecay(expectedTensors(model.config));
    for (let step = 0; step < 2; step++) {
      const { logps, entropies } = await model.forward(batch, 1);
      scores.add(logps, entropies);
      await model.backward(values(logps.length, `step ${step}`));
      await model.optimizerStep({
        learningRate: 1e-4,
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weightDecay: 0.01,
        noWeightDecay,
        maxGradNorm: 1,
      });
    }
    const weights = new Fingerprint();
    for (const { name } of await model.engine.parameters())
      weights.add(await model.engine.tensor(name, 'weight'));
    return {
      drawn: fingerprint(...completions.flatMap(({ ids, logps }) => [ids, logps])),
      'log-probs': scores.text(),
      weights: weights.text(),
      gap: gap.largest,
    };
  } finally {
    await model.dispose();
  }
}
