import { describe, expect, it } from 'vitest';
import { SHAPES } from '../../../../bench/shapes.js';
import { parseModelConfig } from '../../../../src/model/config.js';
import { memoryParts, peakOf, type MemoryShape } from '../../../../src/run/forecast/memory.js';

/** Qwen2.5-0.5B: 494,032,768 parameters. */
const qwen = parseModelConfig(SHAPES['qwen2-0.5b']!.config);
const shape: MemoryShape = {
  dtype: 'float32',
  beta: 0.1,
  halfExact: 1,
  promptTokens: 40,
  prompts: 4,
  completions: 64,
  maxCompletionLength: 16,
  parts: 1,
  checkpoint: 0,
};
const of = (change: Partial<MemoryShape> = {}) => memoryParts(qwen, { ...shape, ...change }, 0);

describe('memory by part', () => {
  it('is four bytes a parameter and copy, and two for a reference that loses nothing by it', () => {
    const all = 4 * 494_032_768;
    expect(of()).toMatchObject({
      weights: all,
      reference: all / 2,
      gradients: all,
      moments: 2 * all,
      checkpoint: 0,
    });
    expect(of({ halfExact: 0 }).reference).toBe(all);
    expect(of({ beta: 0 }).reference).toBe(0);
    expect(of({ dtype: 'bfloat16' })).toMatchObject({ weights: 1.5 * all, reference: all / 2 });
  });

  it('is two bytes a frozen parameter, sixteen a learning one and no reference with adapters', () => {
    const lora = { r: 16, alpha: 32, targetModules: null, rslora: false };
    const frozen = 2 * 494_032_768;
    // 24 layers: rank times both sides of q, k, v, o, gate, up and down.
    const sides = 2 * (896 + 896) + 2 * (896 + 128) + 3 * (896 + 4864);
    const learning = 4 * 24 * 16 * sides;
    expect(of({ lora })).toMatchObject({
      weights: frozen + learning,
      reference: 0,
      gradients: learning,
      moments: 2 * learning,
    });
    expect(of({ lora, halfExact: 0 }).weights).toBe(2 * frozen + learning);
  });

  it('grows with the step, and shrinks with the parts it is learned from in', () => {
    const step = (change: Partial<MemoryShape>) => {
      const { kv, activations, vocabulary } = of(change);
      return kv + activations + vocabulary;
    };
    expect(step({ completions: 256 })).toBeGreaterThan(2 * step({}));
    expect(step({ maxCompletionLength: 64 })).toBeGreaterThan(2 * step({}));
    expect(step({ parts: 4, beta: 0 })).toBeLessThan(0.8 * step({ beta: 0 }));
    // The reference model's log-probs, 128 MB of them at once, and its hidden states.
    const inParts = { parts: 2, completions: 512 };
    expect(of({ ...inParts, exactKl: true }).vocabulary - of(inParts).vocabulary).toBeGreaterThan(2 ** 27);
    // Two keys' worth of numbers, a layer and a token.
    expect(of({ beta: 0 }).kv).toBe(2 * 128 * 24 * 4 * (40 + 64 * 15));
  });

  it('is nothing but these parts together', () => {
    expect(peakOf(memoryParts(qwen, shape, 7e8)) - peakOf(of())).toBe(7e8);
  });
});
