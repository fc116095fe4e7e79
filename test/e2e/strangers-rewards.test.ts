/** What a user's reward may do beside its job: nothing of it ends a run in silence, or costs its steps. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, jsonLines } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';

const REWARD = `import { connect } from 'node:net';
let calls = 0;
const never = new Promise(() => undefined);
const later = (value) => new Promise((done) => setTimeout(() => done(value), 400));
console.log('loaded');
export default (completions) => {
  const ones = completions.map(() => 1);
  console.log('call', ++calls);
  process.stdout.write('beside console\\n');
  const odd = calls === 4 ? process.env.ODD : undefined;
  if (odd?.startsWith('throws')) setInterval(() => undefined, 1000); // keeps a process, but for its end
  if (odd === 'throws') throw new Error('boom');
  if (odd === 'throws in a timer') return setTimeout(() => { throw new Error('boom'); }, 5), never;
  if (odd === 'leaves a promise rejected') Promise.reject(new Error('boom'));
  if (odd === 'has an event without a listener') return connect(1, '127.0.0.1'), later(ones);
  if (odd === 'exits') process.exit(0);
  if (odd === 'exits, and catches what that throws') try { process.exit(0); } catch {}
  if (odd === 'exits in a timer') return setTimeout(() => process.exit(0), 5), later(ones);
  if (odd === 'never answers') return never;
  if (odd === 'says nothing of a step') return completions.map(() => null);
  return completions.map(({ completion }) => completion.length % 3);
};`;

function run() {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'reward.mjs'), REWARD);
  const output = join(folder, 'run');
  const train = (odd: string, ...more: string[]) =>
    cli(
      [
        ...['train', '--model', fixtureModel('qwen2-tied'), '--batch-size', '16', '--num-generations', '4'],
        ...['--max-steps', '6', '--eval-samples', '0', '--save-steps', '0', '--no-probe', '--threads', '1'],
        ...['--reward', './reward.mjs', '--reward-timeout', '0', '--output-dir', output, '--json', ...more],
      ],
      { cwd: folder, env: { ODD: odd } },
    );
  return { output, train };
}

/** Of `metrics.csv`: of each step, a column. */
const column = (folder: string, name: string): string[] => {
  const [header, ...rows] = readFileSync(join(folder, 'metrics.csv'), 'utf8').trimEnd().split('\n');
  const at = header!.split(',').indexOf(name);
  return rows.map((row) => row.split(',')[at]!);
};

describe('a reward that', () => {
  it.each<[string, string, RegExp]>([
    [
      'throws in a timer',
      'MODULE_CRASHED',
      /\.\/reward\.mjs threw outside .*: boom \(.*reward\.mjs:13:\d+\)/,
    ],
    ['leaves a promise rejected', 'MODULE_CRASHED', /\.\/reward\.mjs .*: boom \(.*reward\.mjs:14:\d+\)/],
    ['has an event without a listener', 'MODULE_CRASHED', /\.\/reward\.mjs .*ECONNREFUSED/],
    ['exits', 'MODULE_EXITED', /\.\/reward\.mjs called process\.exit\(0\) \(.*reward\.mjs:16:\d+\)/],
    ['exits, and catches what that throws', 'MODULE_EXITED', /\.\/reward\.mjs called process\.exit\(0\)/],
    ['exits in a timer', 'MODULE_EXITED', /\.\/reward\.mjs called process\.exit\(0\)/],
    ['never answers', 'STALLED', /promise/],
  ])('%s ends the run with %s and a checkpoint, from which it goes on', async (odd, code, message) => {
    const { output, train } = run();
    const broken = await train(odd);
    expect(broken.code).toBe(1);
    const [, said, fix] = new RegExp(`\nerror ${code}: (.+)\nfix: (.+)\n$`).exec(broken.stderr) ?? [];
    expect(said, broken.stderr).toMatch(message);
    expect(fix).toBeDefined();
    const saved = /saved (\S+checkpoint-[34]) before the error below/.exec(broken.stderr)?.[1];
    expect(existsSync(join(saved ?? '', 'model.safetensors')), broken.stderr).toBe(true);
    // Nothing but results on standard output, whatever the module prints.
    expect(jsonLines(broken.stdout).every(({ event }) => typeof event === 'string')).toBe(true);
    expect(broken.stderr).toContain('loaded\n');
    expect(broken.stderr).toContain('call 1\nbeside console\n');
    if (odd !== 'exits') return;
    const resumed = await train('', '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(jsonLines(resumed.stdout).at(-1)).toMatchObject({ event: 'end', steps: 6, interrupted: false });
    expect(column(output, 'step')).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('says nothing of a step leaves its cells empty, and the summary to the others', async () => {
    const { output, train } = run();
    const { code, stdout, stderr } = await train('says nothing of a step');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('NaN');
    expect(stderr).toMatch(/step 4: no reward function had anything to say/);
    const rewards = column(output, 'reward');
    expect(rewards.map((reward) => reward === '')).toEqual([false, false, false, true, false, false]);
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      reward_first: expect.any(Number) as number,
      reward_last: expect.any(Number) as number,
    });
    expect(readFileSync(join(output, 'summary.json'), 'utf8')).not.toMatch(/"(reward|reward_std)": null/);
  });
});

it('check-reward: what a module prints, throws and ends, is no part of its JSON', async () => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'reward.mjs'),
    `export default (all) => {
      console.log('beside');
      if (all[0].completion === '') process.exit(0);
      return all.map(({ completion, answer }) => (completion.startsWith(answer) ? 1 : 0));
    };`,
  );
  const { code, stdout, stderr } = await cli(['check-reward', '--reward', './reward.mjs', '--json'], {
    cwd: folder,
  });
  const [check] = jsonLines(stdout) as [{ complaints: string[] }];
  expect(check.complaints.join('\n')).toMatch(/of the kind "empty": MODULE_EXITED/);
  expect(stderr).toContain('beside');
  expect(code).toBe(1);
});
