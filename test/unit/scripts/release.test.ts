import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  completion,
  preparation,
  problemsOf,
  sectionsOf,
  type Facts,
} from '../../../scripts/release-checks.js';
import { packageRoot, packageVersion } from '../../../src/machine/paths.js';

const CHANGELOG = `# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-26

### Added

- A thing.

## [1.1.0]

- The first.
`;

const READY: Facts = {
  version: '1.2.0',
  locked: ['1.2.0', '1.2.0'],
  changelog: CHANGELOG,
  changes: [],
  head: 'aaaa',
  tagged: undefined,
};

describe('problems of a release', () => {
  const edited = (from: string, to: string) => ({ changelog: CHANGELOG.replace(from, to) });
  it.each<[string, Partial<Facts>, RegExp[]]>([
    ['all in step', {}, []],
    ['tagged here already, by a release that went no further', { tagged: 'aaaa' }, []],
    ['tagged elsewhere', { tagged: 'bbbb' }, [/tag v1\.2\.0 .*bbbb/]],
    [
      'a working tree with changes',
      { changes: [' M src/index.ts', '?? x'] },
      [/src\/index\.ts\n {2}\?\? x$/],
    ],
    ['a lock file that was left behind', { locked: ['1.1.0', '1.2.0'] }, [/1\.1\.0.*npm install/]],
    ['no lock file', { locked: [undefined, undefined] }, [/none, none/]],
    [
      'a version that npm would tag as the latest, and is none',
      { version: '1.2.0-rc.1' },
      [/MAJOR\.MINOR/, /lock/, /newest section/],
    ],
    [
      'a version without its section',
      { version: '1.3.0', locked: ['1.3.0'] },
      [/\[1\.2\.0\], not \[1\.3\.0\]/],
    ],
    ['an older version', { version: '1.1.0', locked: ['1.1.0'] }, [/\[1\.2\.0\], not \[1\.1\.0\]/]],
    ['lines that are not in the section yet', edited('released]\n', 'released]\n\n- New.\n'), [/move them/]],
    ['a section without a date', edited(' - 2026-11-26', ''), [/no date/]],
    ['a date that is none', edited('2026-11-26', '2026-13-26'), [/no date/]],
    ['a section without lines', edited('### Added\n\n- A thing.\n', ''), [/empty/]],
    ['a changelog without [Unreleased]', edited('## [Unreleased]\n', ''), [/begin with/]],
    ['no changelog', { changelog: '' }, [/begin with/]],
  ])('%s', (_what, facts, expected) => {
    const problems = problemsOf({ ...READY, ...facts });
    expect(problems).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as string));
  });
});

describe('steps of a release', () => {
  const commands = (...args: Parameters<typeof completion>) =>
    completion(...args).map(({ command }) => command.slice(0, 2).join(' '));

  it('runs what a clean checkout must pass before it packs, and checks the tarball', () => {
    expect(preparation('1.2.0').map(({ command }) => command.join(' '))).toEqual([
      '.ci/run',
      'npm run test:release',
      'npm pack',
      'npm run check:package -- grpo-native-1.2.0.tgz',
    ]);
  });

  it('publishes only when told', () => {
    expect(commands(READY, false)).toEqual(['git tag']);
    expect(commands(READY, true)).toEqual(['git tag', 'npm publish']);
  });

  it('does not tag twice', () => {
    expect(commands({ ...READY, tagged: 'aaaa' }, false)).toEqual([]);
  });

  it("puts this version's lines of the changelog into the tag, headings included", () => {
    const tag = completion(READY, false)[0]!.command;
    expect(tag.at(-1)).toBe('1.2.0\n\n### Added\n\n- A thing.\n');
    expect(tag.join(' ')).toContain('--cleanup whitespace');
  });
});

it('package.json, package-lock.json and the newest section of the changelog have one version', () => {
  const read = (file: string) => readFileSync(join(packageRoot(), file), 'utf8');
  const lock = JSON.parse(read('package-lock.json')) as {
    version: string;
    packages: Record<string, { version: string }>;
  };
  const [unreleased, newest] = sectionsOf(read('CHANGELOG.md'));
  expect(unreleased!.name).toBe('Unreleased');
  expect(newest!.name).toBe(packageVersion());
  expect(newest!.date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  expect([lock.version, lock.packages['']!.version]).toEqual([packageVersion(), packageVersion()]);
});
