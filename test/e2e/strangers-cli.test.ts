/** The command line as users of other trainers and of a shell write it. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, cliPath } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';
import { place } from '../support/small-run.js';

/** Nothing that most of these ask for may need the addon. */
const env = { GRPO_NATIVE_ADDON: '/nowhere/grpo_native.node' };
const PRINT = '--print-config';

describe('flags', () => {
  it.each<[string[], RegExp]>([
    [['train', '--max_steps', '7', '--learning_rate=1e-4', PRINT], /^learning_rate: 0\.0001$/m],
    [['train', '--max_steps', '7', '--print_config'], /^max_steps: 7$/m],
    [['sft', '--batch_size', '9', PRINT], /^batch_size: 9$/m],
    [['train', '--maxSteps', '7', PRINT], /^max_steps: 7$/m],
    [['train', '--reward', 'task', '--reward', './b.ts', PRINT], /^reward:\n {2}- task\n {2}- \.\/b\.ts$/m],
    [['sft', '--reward', 'task', '--reward', './b.ts', PRINT], /^reward:\n {2}- task\n {2}- \.\/b\.ts$/m],
    [
      ['train', '--report_to', 'wandb', '--report-to', 'mlflow', PRINT],
      /^report_to:\n {2}- wandb\n {2}- mlflow$/m,
    ],
    [
      ['train', '--reward-weights', '1', '--reward-weights', '0.5', PRINT],
      /^reward_weights:\n {2}- 1\n {2}- 0\.5$/m,
    ],
    [['train', '--stop=---', PRINT], /^stop: ---$|^stop: "---"$/m],
    [['train', '--model=~/m', PRINT], /^model: \/home\/someone\/m$/m],
    [['sweep', '--dry_run', '--max_steps', '3', '--max-steps', '4'], /"max_steps":3.*\n.*"max_steps":4/],
    [['sweep', '--dry-run', '--seed', '1', '--output_dir=~/s'], /^\/home\/someone\/s\//],
    [
      ['check-reward', '--task', 'counting', '--reward', 'task', '--reward', 'partial_credit'],
      /partial_credit/,
    ],
    [['presets', 'mixed', '--model=tiny'], /^# mixed/],
  ])('%j is obeyed', async (args, output) => {
    const result = await cli(args, { env: { ...env, HOME: '/home/someone' }, cwd: temporaryFolder() });
    expect(result.stderr).toBe('');
    expect(result.stdout).toMatch(output);
  });

  it.each<[string[], string, RegExp]>([
    // One spelling is as good as the other, so both are twice.
    [['train', '--max_steps', '7', '--max-steps', '8'], 'BAD_OPTION', /--max-steps was given 2 times/],
    [['train', '--max_steps', 'abc'], 'BAD_OPTION', /--max-steps is "abc"/],
    [['plan', '--max_steps', 'abc'], 'BAD_OPTION', /--max-steps is "abc"/],
    [['sft', '--learning_rate', 'abc'], 'BAD_OPTION', /--learning-rate is "abc"/],
    [['eval', '--batch_size', 'abc'], 'BAD_OPTION', /--batch-size is "abc"/],
    [
      ['generate', '--prompt', 'a', '--max_completion_length', 'abc'],
      'BAD_OPTION',
      /--max-completion-length is "abc"/,
    ],
    [['score', '--batch_size', 'abc'], 'BAD_OPTION', /--batch-size is "abc"/],
    [['check-reward', '--reward_timeout', 'abc'], 'BAD_OPTION', /--reward-timeout is "abc"/],
    [['sweep', '--max_steps', 'abc'], 'BAD_OPTION', /max_steps is "abc"/],
    [['sweep', '--seed', '1', '--accuracy', 'abc'], 'BAD_OPTION', /--accuracy is "abc"/],
    // Unknown ones, with the nearest.
    [['train', '--max_stepz', '7'], 'UNKNOWN_OPTION', /did you mean --max-steps\?/],
    [['bench', '--war_mup', '7'], 'UNKNOWN_OPTION', /did you mean --warmup\?/],
    [['compare', '--accu_racy', '7'], 'UNKNOWN_OPTION', /did you mean --accuracy\?/],
    [['watch', '--ho_st', 'x'], 'UNKNOWN_OPTION', /did you mean --host\?/],
    [['setup', '--lib_torch', 'x'], 'UNKNOWN_OPTION', /did you mean --libtorch\?/],
    [['doctor', '--js_on'], 'UNKNOWN_OPTION', /did you mean --json\?/],
    // No value, or one that looks like a flag.
    [['train', '--max-steps'], 'USAGE', /--max-steps has no value\nfix: .*--max-steps=VALUE/],
    [['train', '--max_steps', '--json'], 'USAGE', /--max-steps has no value\nfix: .*--max-steps=VALUE/],
    [['generate', '--prompt', '- item'], 'USAGE', /--prompt has no value\nfix: .*--prompt=VALUE/],
    [['generate', '--prompt', 'a', '--stop', '---'], 'USAGE', /--stop has no value\nfix: .*--stop=VALUE/],
    [['sweep', '--seed'], 'USAGE', /--seed has no value\nfix: .*--seed=VALUE/],
    [['setup', '--libtorch'], 'USAGE', /--libtorch has no value\nfix: .*--libtorch=VALUE/],
    [['setup', '--libtorch', 'x', '--fetch'], 'USAGE', /--libtorch and --fetch contradict each other/],
    [['compare', 'a', '--svg'], 'USAGE', /--svg has no value\nfix: .*--svg=VALUE/],
    // Words are texts.
    [['train', '-'], 'CONFIG_MISSING', /the configuration -:/],
    [['sweep', '-'], 'CONFIG_MISSING', /the configuration -:/],
    [['train', '0.10'], 'CONFIG_MISSING', /the configuration 0\.10:/],
    [['train', '--config', '007'], 'CONFIG_MISSING', /the configuration 007:/],
    [['compare', '0.10'], 'RUN_NOT_FOUND', /0\.10$/m],
    [['report', '0x10'], 'RUN_NOT_FOUND', /0x10$/m],
    [['watch', '1e-5'], 'RUN_NOT_FOUND', /1e-5$/m],
    [['watch', '-'], 'RUN_NOT_FOUND', / -$/m],
    [['sweep', 'a.yaml', 'b.yaml'], 'USAGE', /"b\.yaml" is one argument too many/],
    [['setup', 'now'], 'USAGE', /"now" is one argument too many/],
  ])('%j is refused: %s', async (args, code, message) => {
    const result = await cli(args, { env, cwd: temporaryFolder() });
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: .+\nfix: .+\n$`));
    expect(result.stderr).toMatch(message);
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });

  it('a ~ in a file is the home folder', async () => {
    const cwd = temporaryFolder();
    const home = temporaryFolder();
    writeFileSync(
      join(cwd, 'a.yaml'),
      'output_dir: ~/runs/a\nreward: [task, ~/r.ts]\ncurriculum: [{task: ~/t.ts}]\n',
    );
    const { stdout } = await cli(['train', 'a.yaml', PRINT], { env: { ...env, HOME: home }, cwd });
    for (const path of ['runs/a', 'r.ts', 't.ts']) expect(stdout).toContain(join(home, path));
    expect(stdout).not.toContain('~');
  });
});

describe('a run in a folder with blanks and umlauts', () => {
  it('ends with a command that a shell can run, about its own task, and knows when nothing is to be done', async () => {
    const here = place(join(temporaryFolder(), 'my runs', 'ä b'));
    const first = await here.train('a');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const command = /grpo-native (generate .*)/.exec(first.stdout)![1]!;
    const said = execFileSync(
      'bash',
      ['-c', `"$0" "$1" ${command} --max-completion-length 2`, process.execPath, cliPath],
      {
        encoding: 'utf8',
      },
    );
    expect((JSON.parse(said) as { prompt: string }).prompt).toMatch(/^Say \d+: $/);

    const again = await here.train('a', { resume: true });
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('Nothing was left to do: all 6 steps were taken already\n');
    expect(again.stdout).not.toContain('Done');
    const below = await here.train('a', { resume: true, 'max-steps': 3 });
    expect(below.code).toBe(2);
    expect(below.stderr).toMatch(/^error RESUME_STEPS: /);
    expect(existsSync(join(here.run('a'), 'final'))).toBe(true);
  });
});
