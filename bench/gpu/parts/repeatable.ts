/** Equal seeds give equal numbers, to the bit, whatever ran before. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DType } from '../../../src/engine/types.js';
import { writeAtomic } from '../../../src/machine/disk.js';
import { withoutWeightDecay, expectedTensors } from '../../../src/model/tensor-names.js';
import { Difference } from '../differences.js';
import { Fingerprint, fingerprint } from '../fingerprint.js';
import { tokens, TINY, values, wide, type Subject } from '../models.js';
import { NotRun, type Part, type Scale } from '../part.js';

/** Rounding between a token's log-prob when it was drawn and when it was learned from, nats. */
const LOGP = { float32: 1e-4, bfloat16: 0.1 };

/** What must be the same. */
const SAME = ['drawn', 'log-probs', 'weights'] as const;
/** Repeats of a draw from the most likely tokens, which a running sum over the vocabulary decides. */
const REPEATS = 100;

export const repeatable: Part = {
  name: 'repeatable',
  title: 'equal seeds, equal bits',
  kind: 'check',
  seconds: 120,
  async run(check) {
    const { device, scale } = check;
    const known: Record<string, Episode> = {};
    for (const { name, subject, dtype } of variants(scale)) {
      const first = await episode(subject, device, dtype, scale);
      // Another model, another shape, another type: other kernels, and memory left in another state.
      const others = dtype === 'float32' ? 'bfloat16' : 'float32';
      await episode(subject === TINY ? wide(scale) : TINY, device, others, scale);
      // Two engines at once.
      const second = await Promise.all([
        episode(subject, device, dtype, scale),
        episode(TINY, device, dtype, scale),
      ]);
      for (const what of SAME) check.equal(`${name}: ${what}, once more`, second[0][what], first[what]);
      const gap = `${name}: log-probs of learning against those of sampling`;
      check.atMost(gap, first.gap, LOGP[dtype], 'nats');
      known[name] = first;
    }
    const draws = await repeatedDraws(wide(scale), device);
    check.equal(`different results of ${REPEATS} draws with top_p`, draws.size, 1);
    await writeAtomic(join(check.folder, FILE), JSON.stringify(known));
  },
};

/** What `repeatable` found, for the process after it. */
const FILE = 'repeatable.json';

export const again: Part = {
  name: 'again',
  title: 'equal seeds, equal bits, in another process',
  kind: 'check',
  seconds: 90,
  fresh: true,
  async run(check) {
    const text = await readFile(join(check.folder, FILE), 'utf8').catch(() => undefined);
    if (text === undefined) throw new NotRun('there is nothing to compare with');
    const known = JSON.parse(text) as Record<string, Episode>;
    for (const { name, subject, dtype } of variants(check.scale)) {
      const here = await episode(subject, check.device, dtype, check.scale);
      for (const what of SAME) check.equal(`${name}: ${what}`, here[what], known[name]![what]);
    }
    await rm(join(check.folder, FILE));
  },
};

const variants = (scale: Scale) =>
  [TINY, wide(scale)].flatMap((subject) =>
    (['float32', 'bfloat16'] as const).map((dtype) => ({
      name: `${subject.name}, ${dtype}`,
      subject,
      dtype,
    })),
  );

/** Fingerprints of a token drawn again and again with the same seed. */
async function repeatedDraws({ open, temperature }: Subject, device: string): Promise<Set<string>> {
  const model = await open(device, 'float32');
  const results = new Set<string>();
  for (let i = 0; i < REPEATS; i++) {
    const { completions } = await model.sample({
      prompts: [tokens(9, model.config.vocabSize, 'repeats')],
      promptIndices: [0],
      numGenerations: 1,
      maxCompletionLength: 1,
      topP: 0.9,
      temperature,
      seed: 3,
      step: 1,
    });
    results.add(fingerprint(...completions.flatMap(({ ids, logps }) => [ids, logps])));
  }
  await model.dispose();
  return results;
}

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
    const [numGenerations, maxCompletionLength] = scale === 'full' ? [64, 24] : [4, 6];
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
