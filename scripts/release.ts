/**
 * `npm run release [-- --dry-run] [-- --publish]`: checks that version, changelog and working tree are in step, runs
 * `.ci/run`, packs and tags. Nothing leaves this machine without --publish; --dry-run checks and says what it would do.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/machine/paths.js';
import {
  completion,
  preparation,
  problemsOf,
  tagOf,
  tarballOf,
  type Facts,
  type Step,
} from './release-checks.js';

const root = packageRoot();
const { values: options } = parseArgs({
  options: { 'dry-run': { type: 'boolean', default: false }, publish: { type: 'boolean', default: false } },
});

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trimEnd();

function facts(): Facts {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const lock = JSON.parse(read('package-lock.json')) as {
    version?: string;
    packages?: Record<string, { version?: string }>;
  };
  const tag = git('for-each-ref', '--format=%(objectname) %(*objectname)', `refs/tags/${tagOf(version)}`);
  return {
    version,
    locked: [lock.version, lock.packages?.['']?.version],
    changelog: read('CHANGELOG.md'),
    changes: git('status', '--porcelain').split('\n').filter(Boolean),
    head: git('rev-parse', 'HEAD'),
    // For an annotated tag: its own object, then the commit it names; for a lightweight tag the commit alone.
    tagged: tag.split(' ').filter(Boolean).at(-1),
  };
}

function run(steps: Step[]): void {
  for (const { why, command } of steps) {
    const [program, ...args] = command;
    // A tag's message is long: only its first line is printed.
    say(`${why}: ${command.map((word) => word.replace(/\n[^]*/, '...')).join(' ')}`);
    if (options['dry-run']) continue;
    const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) fail([`${program} ${args[0] ?? ''} failed`]);
  }
}

/** Collects the facts and exits if they don't allow a release. */
function checked(): Facts {
  const now = facts();
  const problems = problemsOf(now);
  if (problems.length > 0) fail(problems);
  return now;
}

function fail(problems: string[]): never {
  for (const problem of problems) say(problem);
  process.exit(1);
}

function say(line: string): void {
  process.stderr.write(`release: ${line}\n`);
}

const before = checked();
const { version } = before;
run(preparation(version));
// The tests took a while, in which somebody may have changed files here.
const after = checked();
if (after.head !== before.head) fail([`HEAD is now ${after.head}: what was checked is ${before.head}`]);
run(completion(after, options.publish));
say(
  options['dry-run']
    ? 'a dry run: nothing was done'
    : `${version} is ready. Next: ${options.publish ? '' : `npm publish ${tarballOf(version)}, then `}git push origin HEAD ${tagOf(version)}`,
);
