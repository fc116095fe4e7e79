/** The packed tarball, installed in an empty folder on a machine without libtorch; test/release sets it up. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot, packageVersion } from '../../src/machine/paths.js';
import { stranger, type DoctorReport } from '../support/stranger.js';

const { folder, project, withTools, run, install } = stranger();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed tarball', () => {
  it('installs where there is no libtorch, and prints the one command to run', () => {
    const { status, stdout, stderr } = install();
    expect(status, stderr).toBe(0);
    expect(stdout + stderr).toContain('npx grpo-native setup');
  });

  it('holds what a build and a run need, and no more', () => {
    const installed = join(project, 'node_modules', 'grpo-native');
    const top = readdirSync(installed).filter((name) => name !== 'node_modules');
    expect(top).toEqual(
      expect.arrayContaining(['CMakeLists.txt', 'binding.gyp', 'dist', 'native', 'LICENSE']),
    );
    expect(top).not.toEqual(expect.arrayContaining(['test']));
    expect(top).not.toEqual(expect.arrayContaining(['src']));
  });

  it('says its version', () => {
    const { stdout } = run('npx', ['grpo-native', '--version']);
    expect(stdout.trim()).toBe(packageVersion());
  });

  it('has a doctor that names the fix, and fails', () => {
    const { status, stdout } = run('npx', ['grpo-native', 'doctor', '--json']);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(status).toBe(1);
    expect(report.ok).toBe(false);
    const missing = report.problems.find(({ code }) => code === 'ADDON_MISSING');
    expect(missing?.fix).toContain('npx grpo-native setup');
  });

  it('is imported by ES modules and required by CommonJS without an addon', () => {
    const esm = "import { GrpoError } from 'grpo-native'; console.log(GrpoError.name)";
    const cjs = "console.log(require('grpo-native').GrpoError.name)";
    expect(run('node', ['--input-type=module', '-e', esm])).toMatchObject({ stdout: 'GrpoError\n' });
    expect(run('node', ['--input-type=commonjs', '-e', cjs])).toMatchObject({ stdout: 'GrpoError\n' });
  });

  it('refuses to set up without build tools, and says what to install', () => {
    const { status, stderr } = run('npx', ['grpo-native', 'setup', '--json']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/C\+\+ compiler/);
  });

  it('refuses a folder that holds no libtorch', () => {
    const { status, stderr } = run('npx', ['grpo-native', 'setup', '--libtorch', folder], withTools);
    expect(status).toBe(2);
    expect(stderr).toContain('holds no libtorch');
  });
});

describe('the install hook', () => {
  it('never fails in a checkout, whatever is missing', () => {
    const script = join(packageRoot(), 'scripts', 'install.mjs');
    const { status, stderr } = run('node', [script]);
    expect(status).toBe(0);
    expect(stderr).toContain('npx grpo-native setup');
  });
});
