/** A run of seconds, for tests of what happens to it: a small random model, and a task on which it is right now and then. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cli, cliPath, type CliOptions } from './cli.js';
import { fixtureModel, temporaryFolder } from './fixtures.js';
import { metricRows, weightsIn } from './runs.js';

export type Flags = Record<string, string | number | true>;

const small: Flags = {
  model: fixtureModel('qwen2-tied'),
  'batch-size': 16,
  'num-generations': 4,
  'max-steps': 6,
  'learning-rate': 1e-3,
  'eval-samples': 0,
  'save-steps': 2,
  // Tests wait for calls of the reward: those of steps.
  'no-probe': true,
  threads: 1,
};

const TASK = `import { appendFileSync } from 'node:fs';
export default {
  name: 'letters',
  problems: () => Array.from({ length: 40 }, (_, i) => ({ prompt: 'Say ' + i + ': ', answer: 'a' })),
  reward: async (completions) => {
    const { REWARD_SECONDS, REWARD_LOG } = process.env;
    if (REWARD_LOG) appendFileSync(REWARD_LOG, 'called\\n');
    if (REWARD_SECONDS) await new Promise((done) => setTimeout(done, 1000 * Number(REWARD_SECONDS)));
    return completions.map(({ completion }) => (/^[a-z]/.test(completion) ? 1 : -1));
  },
};`;

export interface Place {
  parent: string;
  run: (name: string) => string;
  /** Arguments of node for a run of that name. */
  args: (name: string, more?: Flags) => string[];
  train: (name: string, more?: Flags, options?: CliOptions) => ReturnType<typeof cli>;
  /** A process whose output the test reads or doesn't. */
  start: (
    name: string,
    more?: Flags,
    env?: Record<string, string>,
  ) => ChildProcess & { stdout: NodeJS.ReadableStream };
}

/** @param parent folder of the runs; gone when the test is over, where it isn't given */
export function place(parent = temporaryFolder()): Place {
  const folder = temporaryFolder();
  const task = join(folder, 'task.mjs');
  writeFileSync(task, TASK);
  const run = (name: string) => join(parent, name);
  const command = (name: string, more: Flags) => [
    'train',
    ...flags({ ...small, task, 'output-dir': run(name), ...more }),
  ];
  const args = (name: string, more: Flags = {}) => [cliPath, ...command(name, more)];
  return {
    parent,
    run,
    args,
    train: (name, more = {}, options = {}) => cli(command(name, more), options),
    start: (name, more, env = {}) =>
      spawn(process.execPath, args(name, more), {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', ...env },
      }),
  };
}

const flags = (given: Flags): string[] =>
  Object.entries(given).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  );

/** What two equal runs have in common. */
export const endOf = (folder: string) => ({
  weights: createHash('sha256')
    .update(readFileSync(weightsIn(join(folder, 'final'))))
    .digest('hex'),
  rows: metricRows(folder),
  completions: readFileSync(join(folder, 'completions.jsonl'), 'utf8'),
});

/** How a process ends, whose output nobody need have read. */
export const ended = (child: ChildProcess) => statusAt('exit', child);

/** The same, when all of its output was read too. */
export const endedAndRead = (child: ChildProcess) => statusAt('close', child);

const statusAt = (event: 'exit' | 'close', child: ChildProcess): Promise<number | NodeJS.Signals | null> =>
  new Promise((done, fail) => {
    child
      .once('error', fail)
      .once(event, (code: number | null, signal: NodeJS.Signals | null) => done(signal ?? code));
  });

export const seconds = (count: number): Promise<void> =>
  new Promise((done) => setTimeout(done, 1000 * count));
