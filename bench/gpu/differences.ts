/** How far what one model computes is from what another does: in scores, gradients and AdamW's steps. */
import type { Batch, OptimizerOptions } from '../../src/engine/types.js';
import type { LanguageModel } from '../../src/model/language-model.js';
import { values } from './models.js';

type Numbers = ArrayLike<number>;

/** Compares arrays, one pair after another. */
export class Difference {
  #largest = 0;
  #largestExpected = 0;
  #squares = 0;
  #squaresExpected = 0;

  add(actual: Numbers, expected: Numbers): void {
    if (actual.length !== expected.length) this.#largest = this.#squares = Infinity;
    for (let i = 0; i < expected.length; i++) {
      const difference = Math.abs(actual[i]! - expected[i]!);
      if (!(difference <= this.#largest)) this.#largest = Number.isNaN(difference) ? Infinity : difference;
      this.#largestExpected = Math.max(this.#largestExpected, Math.abs(expected[i]!));
      this.#squares += difference ** 2;
      this.#squaresExpected += expected[i]! ** 2;
    }
  }

  /** The largest difference. */
  get largest(): number {
    return this.#largest;
  }

  /** The largest value that was expected. */
  get largestExpected(): number {
    return this.#largestExpected;
  }

  /** The largest difference over the largest value. */
  get share(): number {
    return this.#largest === 0 ? 0 : this.#largest / this.#largestExpected;
  }

  /** The norm of the difference over the norm of what was expected. */
  get norm(): number {
    return this.#squares === 0 ? 0 : Math.sqrt(this.#squares / this.#squaresExpected);
  }
}

export interface Differences {
  logits: Difference;
  logps: Difference;
  entropies: Difference;
  /** Of all parameters together. */
  gradients: Difference;
  /**
   * The worst share of a single parameter. That of one whose gradient is 0 but for rounding is taken of a
   * thousandth of the largest gradient.
   */
  worstGradient: number;
  /** Norm of all gradients. */
  gradientNorm: Difference;
  /** Of all weights after the steps, in learning rates: AdamW moves a weight by about one a step. */
  weights: Difference;
}

export const STEPS = 3;
/** `eps` is large enough that a gradient that is rounding alone moves nothing by a whole learning rate. */
const ADAMW: OptimizerOptions = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-3,
  weightDecay: 0.1,
  noWeightDecay: ['model.norm.weight'],
  maxGradNorm: 1,
};

/**
 * Takes the same three steps of AdamW with all models, and compares with the first.
 *
 * @returns one for each of `others`
 */
export async function differences(
  reference: LanguageModel,
  others: LanguageModel[],
  batch: Batch,
  temperature: number,
): Promise<Differences[]> {
  const results = others.map((): Differences => ({
    logits: new Difference(),
    logps: new Difference(),
    entropies: new Difference(),
    gradients: new Difference(),
    worstGradient: 0,
    gradientNorm: new Difference(),
    weights: new Difference(),
  }));
  /** Computes the same with each model, and adds the differences. */
  const compare = async <T>(
    compute: (model: LanguageModel) => Promise<T>,
    add: (result: Differences, actual: T, expected: T) => void,
  ) => {
    const expected = await compute(reference);
    for (const [i, model] of others.entries()) add(results[i]!, await compute(model), expected);
  };

  const ids = Int32Array.from([...batch.prompts[0]!, ...batch.completions[0]!]);
  await compare(
    (model) => model.engine.logits(ids),
    ({ logits }, actual, expected) => logits.add(actual, expected),
  );
  const forward = async (model: LanguageModel) => {
    const scores = await model.forward(batch, temperature);
    const { length } = scores.logps;
    await model.backward(values(length, 'logps'), values(length, 'entropies'));
    return scores;
  };
  await compare(forward, ({ logps, entropies }, actual, expected) => {
    logps.add(actual.logps, expected.logps);
    entropies.add(actual.entropies, expected.entropies);
  });
  const gradients = results.map((): Difference[] => []);
  for (const { name } of await reference.engine.parameters())
    await compare(
      (model) => model.engine.tensor(name, 'grad'),
      (result, actual, expected) => {
        const difference = new Difference();
        difference.add(actual, expected);
        result.gradients.add(actual, expected);
        gradients[results.indexOf(result)]!.push(difference);
      },
    );
  for (const [i, result] of results.entries()) {
    const floor = result.gradients.largestExpected / 1000;
    for (const { largest, largestExpected } of gradients[i]!)
      result.worstGradient = Math.max(result.worstGradient, largest / Math.max(largestExpected, floor));
  }
  for (let step = 0; step < STEPS; step++) {
    if (step > 0) await compare(forward, () => undefined);
    await compare(
      (model) => model.optimizerStep(ADAMW),
      ({ gradientNorm }, actual, expected) => gradientNorm.add([actual], [expected]),
    );
  }
  for (const { name } of await reference.engine.parameters())
    await compare(
      (model) => model.engine.tensor(name, 'weight'),
      ({ weights }, actual, expected) => weights.add(inSteps(actual), inSteps(expected)),
    );
  return results;
}

const inSteps = (weights: Float32Array) => weights.map((weight) => weight / ADAMW.learningRate);
