import { describe, expect, it } from 'vitest';
import { policyNote } from '../../../../src/ui/browser/panels.js';

const DEFAULTS = {
  temperature: 0.7,
  sampling_temperature: null,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  repetition_penalty: 1,
};

describe('whose coverage and bounds a chart shows', () => {
  it('needs no word where draws come from the policy itself', () => {
    expect(policyNote(DEFAULTS)).toBeUndefined();
    expect(policyNote({ ...DEFAULTS, sampling_temperature: 0.7 })).toBeUndefined();
    // Of an older version, or supervised fine-tuning.
    expect(policyNote({ temperature: 0.7 })).toBeUndefined();
  });

  it.each(['sampling_temperature', 'top_k', 'top_p', 'min_p', 'repetition_penalty'])(
    'is told with %s',
    (name) => {
      expect(policyNote({ ...DEFAULTS, [name]: 0.5 })).toBe(
        `of the policy itself at temperature 0.7; draws come from it with ${name} 0.5`,
      );
    },
  );

  it('is told of several', () => {
    expect(policyNote({ ...DEFAULTS, top_k: 50, min_p: 0.1 })).toContain('with top_k 50, min_p 0.1');
  });

  it('is told of a filter that happens to have the value of the temperature', () => {
    expect(policyNote({ ...DEFAULTS, top_p: 0.7 })).toContain('top_p 0.7');
  });
});
