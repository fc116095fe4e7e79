import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageVersion } from '../../src/machine/paths.js';
import { cli } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';

const COMMANDS = ['setup', 'doctor', 'train', 'sft', 'eval', 'generate', 'score', 'bench'];
/** Nothing that these tests ask for may need the addon. */
const env = { GRPO_NATIVE_ADDON: '/nowhere/grpo_native.node' };

describe('help', () => {
  it.each([[], ...COMMANDS.map((command) => [command])])(
    '%s is quick, and shows an example',
    async (command) => {
      // 0.3 s on a machine that does nothing else; the bound leaves room for one that does other things at times.
      const runs = [];
      do runs.push(await cli([command, '--help'].filter(Boolean), { env }));
      while (runs.at(-1)!.seconds >= 1 && runs.length < 10);
      expect(runs.at(-1)!.seconds).toBeLessThan(1);
      expect(runs[0]).toMatchObject({ code: 0, stderr: '' });
      expect(runs[0]!.stdout).toContain('Examples:');
      expect(runs[0]!.stdout).toContain(`grpo-native ${command || 'train'}`);
    },
  );

  it.each(['train --help all', 'train --help=all', '-h all train'])('%s shows every option', async (line) => {
    const { code, stdout, stderr } = await cli(line.split(' '), { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('--vespo-k-pos ');
    expect((await cli(['train', '--help'], { env })).stdout).not.toContain('--vespo-k-pos ');
  });

  it('tells the version', async () => {
    expect((await cli(['--version'], { env })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('doctor --json', () => {
  it('is what a report of a fault needs: versions, system, tools, libtorch, addon, problems', async () => {
    const { code, stdout, stderr } = await cli(['doctor', '--json'], { env });
    expect(stderr).toBe('');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      versions: { grpo_native: packageVersion(), node: process.versions.node },
      system: { platform: process.platform, arch: process.arch, release: expect.any(String) as string },
      tools: [{ name: 'C++ compiler' }, { name: 'CMake' }, { name: 'make or ninja' }],
      libtorch: { version: expect.stringMatching(/^2\./) as string },
      addon: { path: env.GRPO_NATIVE_ADDON, loads: false },
      processor: { logical_cores: expect.any(Number) as number },
      problems: [{ severity: 'error', code: 'ADDON_MISSING' }],
    });
  });
});

describe('bad usage', () => {
  const folder = () => join(temporaryFolder(), 'run');
  const yaml = (text: string) => {
    const file = join(temporaryFolder(), 'config.yaml');
    writeFileSync(file, text);
    return file;
  };
  it.each<[string, () => string[], string, RegExp]>([
    ['no command', () => [], 'USAGE', /--help/],
    ['an unknown command', () => ['trian'], 'UNKNOWN_COMMAND', /grpo-native train/],
    ['an unknown option', () => ['train', '--bach-size', '64'], 'UNKNOWN_OPTION', /--batch-size/],
    [
      'an unknown option in a file',
      () => ['train', yaml('seed: 1\nbach_size: 64\n')],
      'UNKNOWN_OPTION',
      /batch_size/,
    ],
    ['a file that is not there', () => ['train', 'nothing.yaml'], 'CONFIG_MISSING', /YAML/],
    ['a value of the wrong kind', () => ['train', '--max-steps', 'many'], 'BAD_OPTION', /whole number/],
    ['two files', () => ['train', 'a.yaml', 'b.yaml'], 'USAGE', /config\.yaml/],
    ['a batch size that does not divide', () => ['train', '--batch-size', '60'], 'BATCH_SIZE', /48 or 64/],
    [
      'more prompts than problems',
      () => ['train', '--train-samples', '3', '--batch-size', '64'],
      'TOO_MANY_PROMPTS',
      /48/,
    ],
    ['an unknown task', () => ['train', '--task', 'arithmetik'], 'TASK_NOT_FOUND', /arithmetic/],
    ['a task module that is not there', () => ['train', '--task', './none.ts'], 'MODULE_NOT_FOUND', /path/],
    ['an unknown model', () => ['eval', '--model', 'no-such-model'], 'MODEL_NOT_FOUND', /hub id/],
    [
      'a folder without a model',
      () => ['generate', '--model', temporaryFolder(), '--prompt', 'x'],
      'MODEL_CONFIG_MISSING',
      /folder/,
    ],
    ['no prompt', () => ['generate'], 'BAD_OPTION', /text/],
    [
      'a run that is not there',
      () => ['train', '--resume', '--output-dir', folder()],
      'RESUME_NOTHING',
      /--resume/,
    ],
  ])('%s: exit code 2, what is wrong, and what to do', async (_what, args, code, fix) => {
    const result = await cli(args(), { env, cwd: temporaryFolder() });
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: .+\nfix: .+\n$`));
    expect(result.stderr.split('fix: ')[1]).toMatch(fix);
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });

  it('an engine that is not built: exit code 1 and the one command', async () => {
    const result = await cli(['eval', '--model', fixtureModel('qwen2-tied')], { env });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/error ADDON_MISSING: .+\nfix: .*grpo-native setup/);
  });

  it('prints the options of a run without starting it', async () => {
    const result = await cli(['train', yaml('seed: 7\n'), '--batch-size', '128', '--print-config'], { env });
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('seed: 7\n');
    expect(result.stdout).toContain('batch_size: 128\n');
  });
});
