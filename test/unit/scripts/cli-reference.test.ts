import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cliReference, REFERENCE_FILE, referenceText } from '../../../scripts/cli-reference.js';
import type { Help } from '../../../src/cli/flag-list.js';

it('docs/cli.md is in step with the options: npm run docs:cli writes it', async () => {
  expect(await cliReference()).toBe(readFileSync(REFERENCE_FILE, 'utf8'));
});

describe('the reference of a command', () => {
  const schema = z.strictObject({
    beta: z.number().min(0).default(0.1).describe('Weight of a | b'),
    loss_type: z.enum(['a', 'b']).default('a').describe('The loss'),
    prompt: z.string().describe('Text'),
    epsilon_high: z.number().nullable().default(null).describe('Most'),
    resume: z.boolean().default(false).describe('Goes on'),
  });
  const first: Help = {
    form: 'first [config.yaml]',
    describe: 'Does a thing',
    schemas: [schema],
    tinyDefaults: { beta: 1e-4 },
    extra: { yes: { alias: 'y', type: 'boolean', describe: 'Without [asking]' } },
    examples: [['grpo-native first x', 'What for']],
  };
  const text = referenceText([
    ['first', first],
    [
      'second',
      { ...first, form: 'second', schemas: [schema, z.strictObject({ num: z.number().default(1) })] },
    ],
  ]);
  const [, one, two] = text.split(/^## .*$/m);

  it.each([
    ['its form', 'grpo-native first [config.yaml] [options]\n'],
    ['what it does', '\nDoes a thing.\n'],
    ['its groups', '\n**Loss**\n'],
    [
      'bounds, defaults, those of tiny',
      '| `--beta` | Weight of a \\| b | a number of at least 0 | `0.1`; tiny: `1e-4` |',
    ],
    ['choices', '| `--loss-type` | The loss | a or b | `a` |'],
    ['what must be given', '| `--prompt` | Text | a text | none |'],
    ['null', '| `--epsilon-high` | Most | a number or null | `null` |'],
    ['false', '| `--resume` | Goes on | true or false | `false` |'],
    ['other flags', '| `--yes`, `-y` | Without \\[asking\\] |  | not given |'],
    ['examples', '```sh\n# What for\ngrpo-native first x\n```'],
  ])('has %s', (_, part) => {
    expect(one).toContain(part);
  });

  it('refers to the command that has described the same options', () => {
    expect(two).toContain('It takes the options of [first](#first), and these:');
    expect(two).toContain('| `--num` |');
    expect(two).not.toContain('--beta');
  });
});
