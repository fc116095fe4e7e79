import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/machine/paths.js';

const root = packageRoot();

/** README, CONTRIBUTING and the like, and everything in docs/ but the reference, which typedoc makes and checks. */
const documents = [
  ...readdirSync(root),
  ...readdirSync(join(root, 'docs'), { encoding: 'utf8', recursive: true }).map((file) => `docs/${file}`),
].filter((file) => file.endsWith('.md') && !file.startsWith('docs/api/') && file !== 'CHANGELOG.md');

const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

/** Words that begin with a folder of the repository, and not with another path (`grpo-native/src`). */
const PATH = /(?<![\w./~@-])(?:src|native|test|bench|scripts|examples)\/[\w./@-]*/g;

/** In `src/data/tasks/NAME.ts` the reader chooses NAME: what stands before it must exist. */
const beforePlaceholder = (path: string) => path.replace(/\bNAME\b.*/, '');

function missingPaths(text: string, exists: (path: string) => boolean): string[] {
  return [...text.matchAll(PATH)]
    .map(([path]) => beforePlaceholder(path.replace(/\.+$/, '')))
    .filter((path) => !exists(path));
}

/** The targets of Markdown links, pictures, and the HTML that README has for its pictures. */
const LINK = /\]\(([^()\s]+)\)|(?:src|srcset|href)="([^"]+)"/g;

/** @param anchorsOf of a document, by its path from `folder` */
function deadLinks(text: string, exists: (path: string) => boolean, anchorsOf: (path: string) => string[]) {
  return [...text.matchAll(LINK)]
    .map(([, markdown, html]) => (markdown ?? html)!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#');
      if (path !== '' && !exists(path)) return true;
      return anchor !== undefined && !anchorsOf(path).includes(anchor);
    });
}

/** As GitHub makes them of headings. */
const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('a document', () => {
  it.each(documents)('%s names files that exist', (file) => {
    expect(missingPaths(textOf(file), (path) => existsSync(join(root, path)))).toEqual([]);
  });

  it.each(documents)('%s links to files and headings that exist', (file) => {
    const folder = dirname(file);
    const dead = deadLinks(
      textOf(file),
      (path) => existsSync(join(root, folder, path)),
      (path) => anchorsIn(textOf(path === '' ? file : join(folder, path))),
    );
    expect(dead).toEqual([]);
  });
});

describe('what the checks find', () => {
  it.each([
    ['See `src/tasks/task.ts`.', ['src/tasks/task.ts']],
    ['One file in `test/unit/here.ts`, or in (native/gone/).', ['native/gone/']],
    ['`src/here/NAME.ts` and `src/gone/NAME.ts`', ['src/gone/']],
    ['`grpo-native/src/x`, node_modules/y/test/z and train/test are not ours', []],
  ])('paths: %s', (text, expected) => {
    const there = ['test/unit/here.ts', 'src/here/'];
    expect(missingPaths(text, (path) => there.includes(path))).toEqual(expected);
  });

  it.each([
    ['[a](here.md) [b](gone.md)', ['gone.md']],
    ['![a](gone.png) <img src="gone.svg">', ['gone.png', 'gone.svg']],
    ['[a](here.md#a-heading) [b](here.md#another)', ['here.md#another']],
    ['[a](https://example.org/gone) [b](#a-heading)', []],
  ])('links: %s', (text, expected) => {
    expect(
      deadLinks(
        text,
        (path) => path === 'here.md',
        () => anchorsIn('# A heading'),
      ),
    ).toEqual(expected);
  });
});
