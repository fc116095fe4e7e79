import { describe, expect, it } from 'vitest';
import { sftConfig } from '../../../../src/run/train-options.js';
import { trainConfig } from '../../../../src/experiments/train.js';
import { repeatCommand } from '../../../../src/ui/server/repeat.js';

const resolved = (options: object) => trainConfig(options) as unknown as Record<string, unknown>;

describe('the command that repeats a run', () => {
  it('names nothing that is at its default', () => {
    expect(repeatCommand(resolved({}))).toBe('grpo-native train');
  });

  it('names what was chosen, and not where it was written', () => {
    const config = resolved({
      learningRate: 1e-5,
      maxSteps: 50,
      outputDir: 'runs/a',
      gradientCheckpointing: undefined,
    });
    expect(repeatCommand(config)).toBe('grpo-native train --max-steps 50 --learning-rate 0.00001');
  });

  it('names a preset, and what differs from it', () => {
    const preset = 'arithmetic-no-kl';
    expect(repeatCommand(resolved({ preset }))).toBe(`grpo-native train --preset ${preset}`);
    expect(repeatCommand(resolved({ preset, model: 'tiny', seed: 7 }))).toBe(
      `grpo-native train --model tiny --preset ${preset} --seed 7`,
    );
  });

  it('tells a warm start from GRPO', () => {
    const config = sftConfig({ maxSteps: 9 }) as unknown as Record<string, unknown>;
    expect(repeatCommand(config)).toBe('grpo-native sft --max-steps 9');
  });

  it('quotes for a shell what a shell would read otherwise', () => {
    expect(repeatCommand({ ...resolved({}), stop: "it's; rm -rf $HOME" })).toBe(
      `grpo-native train --stop 'it'\\''s; rm -rf $HOME'`,
    );
  });
});
