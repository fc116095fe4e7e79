/** In how many parts sampling can be done. */
import { expect, it } from 'vitest';
import { mostSamplingParts } from '../../../src/grpo/split.js';
import type { SampleOptions } from '../../../src/model/language-model.js';

const options: SampleOptions = {
  prompts: [Int32Array.of(1), Int32Array.of(2), Int32Array.of(3)],
  promptIndices: [0, 1, 2],
  numGenerations: 4,
  maxCompletionLength: 8,
  temperature: 1,
  seed: 1,
  step: 1,
};

it('is divided into prompts, and into completions where they are drawn independently', () => {
  expect(mostSamplingParts(options)).toBe(12);
  expect(mostSamplingParts({ ...options, samplingMethod: 'independent' })).toBe(12);
  expect(mostSamplingParts({ ...options, samplingMethod: 'most_probable' })).toBe(3);
  expect(mostSamplingParts({ ...options, samplingMethod: 'without_replacement' })).toBe(3);
});
