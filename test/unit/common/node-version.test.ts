import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { describe, expect, it } from 'vitest';
import { nodeProblem, SUPPORTED_NODE } from '../../../src/common/node-version.js';
import { packageRoot } from '../../../src/machine/paths.js';

const json = <T>(name: string) => JSON.parse(readFileSync(join(packageRoot(), name), 'utf8')) as T;

describe('the version of Node', () => {
  it.each<[string, boolean]>([
    ['18.20.8', false],
    ['19.9.0', false],
    ['20.0.0', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['20.20.2', true],
    ['21.7.3', false],
    ['22.0.0', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['23.0.0', true],
    ['24.1.0', true],
  ])('%s: %s, here and in package.json', (version, supported) => {
    expect(nodeProblem(version) === undefined).toBe(supported);
    expect(satisfies(version, SUPPORTED_NODE)).toBe(supported);
    if (!supported)
      expect(nodeProblem(version)).toMatchObject({
        code: 'NODE_VERSION',
        value: version,
        message: expect.stringContaining(version) as string,
      });
  });

  it('is stated, and every dependency takes both ends of it', () => {
    expect(json<{ engines: { node: string } }>('package.json').engines.node).toBe(SUPPORTED_NODE);
    const { packages } = json<{
      packages: Record<string, { dev?: boolean; engines?: { node?: string } }>;
    }>('package-lock.json');
    const narrow = Object.entries(packages).flatMap(([name, { dev, engines }]) =>
      ['20.19.0', '22.12.0']
        .filter((version) => !dev && engines?.node && !satisfies(version, engines.node))
        .map((version) => `${name} refuses ${version}: ${engines!.node}`),
    );
    expect(narrow).toEqual([]);
  });
});
