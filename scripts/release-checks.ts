/** Conditions for a release, and the commands that make one: pure functions for release.ts. */

export interface Facts {
  /** The version in package.json. */
  version: string;
  /** The two versions in package-lock.json: at its top, and of the root package. */
  locked: (string | undefined)[];
  changelog: string;
  /** Lines of `git status --porcelain`. */
  changes: string[];
  head: string;
  /** The commit that the version's tag names; undefined where there is no such tag. */
  tagged: string | undefined;
}

/** A `## [name] - date` section of the changelog. */
export interface Section {
  name: string;
  date: string | undefined;
  text: string;
}

export const tagOf = (version: string): string => `v${version}`;

export function sectionsOf(changelog: string): Section[] {
  return changelog
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [heading = '', ...lines] = part.split('\n');
      const [, name = heading, date] = /^\[([^\]]+)\](?: - (\S+))?$/.exec(heading.trim()) ?? [];
      return { name, date, text: lines.join('\n').trim() };
    });
}

/** Everything that prevents the release of this version, each with what to do. */
export function problemsOf({ version, locked, changelog, changes, head, tagged }: Facts): string[] {
  const problems: string[] = [];
  if (!/^\d+\.\d+\.\d+$/.test(version))
    problems.push(`version ${version} of package.json is not MAJOR.MINOR.PATCH`);
  if (locked.some((other) => other !== version)) {
    const found = locked.map((other) => other ?? 'none').join(', ');
    problems.push(`package-lock.json has version ${found}, package.json ${version}: run npm install`);
  }
  problems.push(...changelogProblems(sectionsOf(changelog), version));
  if (changes.length > 0)
    problems.push(`the working tree has changes, commit them first:\n  ${changes.join('\n  ')}`);
  if (tagged !== undefined && tagged !== head)
    problems.push(`tag ${tagOf(version)} is on another commit (${tagged}): raise the version`);
  return problems;
}

function changelogProblems([unreleased, newest]: Section[], version: string): string[] {
  if (unreleased?.name !== 'Unreleased') return ['CHANGELOG.md does not begin with ## [Unreleased]'];
  const problems: string[] = [];
  if (unreleased.text !== '')
    problems.push(`CHANGELOG.md has lines under [Unreleased]: move them under [${version}]`);
  if (newest?.name !== version) {
    const what = newest === undefined ? 'missing' : `[${newest.name}]`;
    problems.push(`the newest section of CHANGELOG.md is ${what}, not [${version}]`);
  } else {
    if (!isDate(newest.date))
      problems.push(`the heading of [${version}] in CHANGELOG.md has no date: ## [${version}] - YYYY-MM-DD`);
    if (newest.text === '') problems.push(`the section [${version}] of CHANGELOG.md is empty`);
  }
  return problems;
}

function isDate(text = ''): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

export interface Step {
  why: string;
  command: [program: string, ...args: string[]];
}

/** The commands that make the tarball; nothing outside of this checkout changes. */
export function preparation(version: string): Step[] {
  const tarball = tarballOf(version);
  return [
    { why: 'what a clean checkout must pass', command: ['.ci/run'] },
    { why: 'what takes minutes a test', command: ['npm', 'run', 'test:release'] },
    // npm's hooks empty dist/ and build it anew.
    { why: 'pack', command: ['npm', 'pack'] },
    { why: 'check what was packed', command: ['npm', 'run', 'check:package', '--', tarball] },
  ];
}

/** The commands that release it: a tag with the changelog's section as its message and, if asked for, npm publish. */
export function completion({ version, changelog, tagged }: Facts, publish: boolean): Step[] {
  const notes = sectionsOf(changelog).find(({ name }) => name === version)?.text ?? '';
  const message = `${version}\n\n${notes}\n`;
  // Without this option git would drop the headings of the notes as comments.
  const tag = ['tag', '--annotate', tagOf(version), '--cleanup', 'whitespace', '--message', message];
  return [
    ...(tagged === undefined ? [{ why: 'tag', command: ['git', ...tag] } satisfies Step] : []),
    ...(publish ? [{ why: 'publish', command: ['npm', 'publish', tarballOf(version)] } satisfies Step] : []),
  ];
}

export const tarballOf = (version: string): string => `grpo-native-${version}.tgz`;
