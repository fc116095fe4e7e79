/**
 * The policy's distribution over completions of one prompt, and the gradients of their log-probs: what every
 * estimator's error follows from exactly. The completions are the most probable ones; the distribution is the
 * policy's over these, and `coverage` says how much of it they are.
 */
import type { LanguageModel } from '../../src/model/language-model.js';
import type { NativeEngine } from '../../src/engine/types.js';
import { hash32 } from '../../src/common/random.js';
import { firstOccurrences } from '../../src/grpo/estimators/groups.js';

/** One distinct completion. */
export interface Outcome {
  ids: Int32Array;
  text: string;
  /** log π(y), nats, at the policy's temperature, and at the temperature of other draws. */
  logp: number;
  logpOfDraws: number;
}

/** All that is known of a prompt's completions. */
export interface Distribution {
  prompt: Int32Array;
  outcomes: Outcome[];
  /** Share of the policy that the outcomes are. */
  coverage: number;
  /** `[outcomes, SKETCH]` sketch of the gradient of each log π(y). */
  gradients: Float64Array[];
}

/**
 * Numbers that a gradient is kept as: its coordinates, each added with a random sign to one of so many sums
 * (count sketch, Charikar et al. 2002). Inner products of sketches are unbiased, to some 1.5% of the norms.
 */
const SKETCH = 4096;
/** Outcomes of a prompt. */
const OUTCOMES = 200;

export interface DistributionOptions {
  temperature: number;
  /** Of the draws that come from another distribution than the policy. */
  samplingTemperature: number;
  maxCompletionLength: number;
  stop: ((text: string) => boolean) | undefined;
}

/** Finds the most probable completions, and takes the gradient of each. */
export async function distributionOf(
  model: LanguageModel,
  text: string,
  options: DistributionOptions,
): Promise<Distribution> {
  const { temperature, samplingTemperature, stop } = options;
  const prompt = model.tokenizer.encodePrompt(text);
  const { completions } = await model.sample({
    prompts: [prompt],
    promptIndices: [0],
    numGenerations: OUTCOMES,
    maxCompletionLength: options.maxCompletionLength,
    seed: 0,
    step: 0,
    temperature,
    samplingMethod: 'most_probable',
    ...(stop && { stop }),
  });
  // Where they are fewer, the most probable ones are there again.
  const first = firstOccurrences(
    completions.map(({ ids }) => ids),
    OUTCOMES,
  );
  const kept = completions.flatMap(({ ids, text, logps }, i) =>
    first[i] === i ? [{ ids, text, logp: logps.reduce((sum, logp) => sum + logp, 0) }] : [],
  );
  const scored = await model.score(
    { prompts: [prompt], completions: kept.map(({ ids }) => ids), promptOf: new Int32Array(kept.length) },
    { temperature: samplingTemperature },
  );
  let token = 0;
  const outcomes = kept.map((outcome) => ({
    ...outcome,
    logpOfDraws: scored.logps.subarray(token, (token += outcome.ids.length)).reduce((a, b) => a + b, 0),
  }));
  const gradients: Float64Array[] = [];
  for (const { ids } of outcomes) gradients.push(await sketchOfGradient(model, prompt, ids, temperature));
  return { prompt, outcomes, coverage: massOf(outcomes), gradients };
}

const massOf = (outcomes: readonly { logp: number }[]): number =>
  outcomes.reduce((sum, { logp }) => sum + Math.exp(logp), 0);

/** The gradient of log π(y) with respect to all weights, as a sketch. */
async function sketchOfGradient(
  model: LanguageModel,
  prompt: Int32Array,
  ids: Int32Array,
  temperature: number,
): Promise<Float64Array> {
  await model.zeroGrad();
  await model.forward({ prompts: [prompt], completions: [ids], promptOf: Int32Array.of(0) }, temperature);
  await model.backward(new Float32Array(ids.length).fill(1), null);
  const sketch = new Float64Array(SKETCH);
  for (const { name, places } of await placesOf(model.engine)) {
    const gradient = await model.engine.tensor(name, 'grad');
    for (let i = 0; i < gradient.length; i++) {
      const place = places[i]!;
      if (place & 1) sketch[place >> 1]! += gradient[i]!;
      else sketch[place >> 1]! -= gradient[i]!;
    }
  }
  await model.zeroGrad();
  return sketch;
}

interface Places {
  name: string;
  /** `[numbers]` twice the sum that each number is added to, plus 1 where it is added and not subtracted. */
  places: Uint16Array;
}
const known = new WeakMap<NativeEngine, Places[]>();

async function placesOf(engine: NativeEngine): Promise<Places[]> {
  const before = known.get(engine);
  if (before) return before;
  const all = (await engine.parameters()).map(({ name, shape }) => {
    const places = new Uint16Array(shape.reduce((product, side) => product * side, 1));
    // A linear congruential generator (Numerical Recipes' constants), whose high bits are mixed well enough.
    let state = hash32(name);
    for (let i = 0; i < places.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      places[i] = state >>> 19; // 13 bits: 4096 sums, and the sign
    }
    return { name, places };
  });
  known.set(engine, all);
  return all;
}
