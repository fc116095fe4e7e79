/** The packed tarball, installed in an empty folder on a machine without libtorch, then set up. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { which } from '../../src/machine/exec.js';
import { findLibtorch } from '../../src/engine/libtorch/find.js';
import { packageRoot, packageVersion } from '../../src/machine/paths.js';

let folder: string;
/** An empty folder with a package.json of its own. */
let project: string;
/** The environment of a machine that has node and npm, and nothing that leads to libtorch. */
let bare: NodeJS.ProcessEnv;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-install-'));
  project = join(folder, 'project');
  const bin = join(folder, 'bin');
  mkdirSync(project);
  mkdirSync(bin);
  writeFileSync(join(project, 'package.json'), '{ "name": "stranger", "version": "1.0.0" }');
  for (const program of ['node', 'npm', 'npx', 'sh']) {
    symlinkSync(program === 'node' ? process.execPath : which(program)!, join(bin, program));
  }
  const nothing = { LIBTORCH: '', VIRTUAL_ENV: '', GRPO_NATIVE_ADDON: '' };
  bare = { ...process.env, ...nothing, PATH: bin, GRPO_NATIVE_CACHE: join(folder, 'cache'), NO_COLOR: '1' };
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, args: string[], env: NodeJS.ProcessEnv = bare) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: project, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** The environment that has the build tools again, still with a cache of its own. */
function withTools(): NodeJS.ProcessEnv {
  return { ...bare, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` };
}

interface DoctorReport {
  ok: boolean;
  problems: { code: string; fix: string }[];
  addon: { loads: boolean; matrix_backend: string };
}

describe('the packed tarball', () => {
  it('installs where there is no libtorch, and prints the one command to run', () => {
    const pack = spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
      cwd: packageRoot(),
      encoding: 'utf8',
    });
    expect(pack.status, pack.stderr).toBe(0);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;

    const install = ['install', join(folder, tarball), '--foreground-scripts', '--prefer-offline'];
    const { status, stdout, stderr } = run('npm', [...install, '--no-audit', '--no-fund']);
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
    const { status, stderr } = run('npx', ['grpo-native', 'setup', '--libtorch', folder], withTools());
    expect(status).toBe(2);
    expect(stderr).toContain('holds no libtorch');
  });

  it('is set up with a libtorch, after which the doctor is content', () => {
    const { libtorch } = findLibtorch();
    const args = ['grpo-native', 'setup', '--libtorch', libtorch.path, '--json'];
    const { status, stdout, stderr } = run('npx', args, withTools());
    expect(status, stderr).toBe(0);
    expect((JSON.parse(stdout) as { libtorch: { version: string } }).libtorch.version).toBe(libtorch.version);

    const doctor = run('npx', ['grpo-native', 'doctor', '--json'], withTools());
    const report = JSON.parse(doctor.stdout) as DoctorReport;
    expect(doctor.status, doctor.stdout).toBe(0);
    expect(report).toMatchObject({ ok: true, addon: { loads: true } });
    expect(['mkl', 'onednn']).toContain(report.addon.matrix_backend);
  });

  it('trains the embedded model', () => {
    const few = ['--max-steps', '1', '--eval-samples', '4', '--output-dir', 'first-run'];
    const { status, stderr } = run('npx', ['grpo-native', 'train', ...few], withTools());
    expect(status, stderr).toBe(0);
    const files = readdirSync(join(project, 'first-run'));
    expect(files).toEqual(expect.arrayContaining(['config.yaml', 'env.json', 'final', 'metrics.csv']));
  });

  it('has a doctor that survives a bad binary', () => {
    const addon = join(project, 'node_modules/grpo-native/build/native/Release/grpo_native.node');
    rmSync(addon);
    writeFileSync(addon, 'not a library');
    const { status, stdout } = run('npx', ['grpo-native', 'doctor', '--json']);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(status).toBe(1);
    expect(report.problems.map(({ code }) => code)).toContain('ADDON_BROKEN');
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
