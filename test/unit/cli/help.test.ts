import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COMMANDS, loadCommand } from '../../../src/cli/commands.js';
import { declaredFlags, extraFlags, type Help } from '../../../src/cli/flag-list.js';
import { helpText } from '../../../src/cli/help.js';
import { helpRequest, type HelpRequest } from '../../../src/cli/help-request.js';
import { FIRST } from '../../../src/cli/options.js';
import { SFT, TRAIN } from '../../../src/run/options.js';

const helpOf = async (command: string): Promise<Help> => (await loadCommand(COMMANDS[command]!)).help();

const shown = async (command: string, request: HelpRequest, width = 100): Promise<string> =>
  stripVTControlCharacters(helpText(await helpOf(command), request, width));

const flagsIn = (text: string): string[] =>
  [...text.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map(([, name]) => name!);

const flagsOf = ({ schemas, extra }: Help): string[] =>
  [...schemas.flatMap((schema) => declaredFlags(schema)), ...extraFlags(extra)].map(({ name }) => name);

describe('asking for help', () => {
  it.each<[string[], HelpRequest | null, string[]]>([
    [['train'], null, ['train']],
    [['train', '--help'], 'first', ['train']],
    [['train', '-h'], 'first', ['train']],
    [['--help', 'train'], 'first', ['train']],
    [['--help'], 'first', []],
    [['train', '--help', 'all'], 'all', ['train']],
    [['train', '--help=all'], 'all', ['train']],
    [['train', '-h', 'all', '--beta', '0'], 'all', ['train', '--beta', '0']],
    [['--help', 'all', 'train'], 'all', ['train']],
    [['train', '--help', '--help=all', '--help'], 'all', ['train']],
    [['compare', 'all'], null, ['compare', 'all']],
    [['train', 'all', '--help'], 'first', ['train', 'all']],
    [['train', '--helpful', '--hub=-h'], null, ['train', '--helpful', '--hub=-h']],
  ])('%j: %s', (args, help, rest) => {
    expect(helpRequest(args)).toEqual({ help, rest });
  });

  it.each(['--help=none', '--help=', '-h=Loss'])('refuses %s', (arg) => {
    expect(() => helpRequest(['train', arg])).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        fix: expect.stringContaining('--help all') as string,
      }) as Error,
    );
  });
});

describe('the first help', () => {
  it.each<[command: string, its: string[], others: string[]]>([
    [
      'train',
      ['model', 'task', 'batch-size', 'num-generations', 'learning-rate', 'beta', 'loss-type', 'page'],
      ['vespo-k-pos', 'adam-beta1', 'entropy-coef', 'ref-model-sync-steps', 'min-p', 'quiet'],
    ],
    ['plan', ['model', 'num-generations', 'json'], ['vespo-k-pos', 'adam-beta1']],
    ['sft', ['model', 'batch-size', 'learning-rate', 'target-accuracy'], ['adam-beta1', 'quiet']],
  ])(
    'of %s shows about twenty options, by group, and how to see the others',
    async (command, its, others) => {
      const text = await shown(command, 'first');
      const flags = flagsIn(text);
      expect(flags).toEqual(expect.arrayContaining(its));
      for (const name of others) expect(flags).not.toContain(name);
      expect(flags.length).toBeGreaterThan(15);
      expect(flags.length).toBeLessThanOrEqual(25);
      expect(text).toContain('\nOptimiser:\n');
      const all = flagsIn(await shown(command, 'all'));
      expect(text).toContain(
        `\n${all.length - flags.length} more options: grpo-native ${command} --help all\n`,
      );
      expect(all).toEqual(expect.arrayContaining(flags));
    },
  );

  it('names options that there are', () => {
    const known = [TRAIN, SFT].flatMap((schema) => Object.keys(schema.shape));
    expect(FIRST.filter((name) => !known.includes(name))).toEqual(['json', 'page', 'print_config']);
  });
});

describe.each(Object.keys(COMMANDS))('the whole help of %s', (command) => {
  it('shows every option once, under a heading, and examples', async () => {
    const help = await helpOf(command);
    const text = await shown(command, 'all');
    expect(flagsIn(text).sort()).toEqual([...flagsOf(help), 'help'].sort());
    expect(text.startsWith(`grpo-native ${help.form} [options]\n`)).toBe(true);
    expect(text).toMatch(/\n\nExamples:\n {2}.*grpo-native /);
    expect(text).not.toContain('more options');
    if (help.first === undefined) expect(await shown(command, 'first')).toBe(text);
  });
});

it('shows what an option is for, its choices and its default, where that says something', async () => {
  const text = await shown('train', 'all', 200);
  expect(text).toMatch(/--batch-size .*multiple of num_generations \[64; tiny: 512\]\n/);
  expect(text).toMatch(/--learning-rate .* \[5e-6; tiny: 5e-4\]\n/);
  expect(text).toMatch(/--loss-type .*\[grpo, dr_grpo, bnpo, dapo, cispo, sapo, luspo, vespo\] \[grpo\]\n/);
  expect(text).toMatch(/--delta .*\(null: none\)\n/);
  expect(text).toMatch(/--use-bias-correction-kl .*probability ratio\n/);
  expect(await shown('setup', 'all')).toMatch(/--yes, -y +Fetch without asking\n/);
});

it('has lines that fit the terminal', async () => {
  const lines = (await shown('train', 'all', 80)).split('\nExamples:')[0]!.split('\n');
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
});
