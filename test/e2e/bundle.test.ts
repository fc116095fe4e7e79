/** The bundle's content and size, and what its `install` says where something is missing; test/release builds with it. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot, packageVersion } from '../../src/machine/paths.js';
import { bareMachine, BUILD_TOOLS, makeBundle, SHELL, unpack } from '../support/bundle.js';
import { temporaryFolder } from '../support/fixtures.js';

let folder: string;
let file: string;
let bundle: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-native-bundle-'));
  file = makeBundle(folder);
  bundle = unpack(file, folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(env: NodeJS.ProcessEnv, program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

interface Lock {
  packages: Record<string, { dev?: boolean }>;
}

describe('the bundle', () => {
  it('is one file below 60 MB, named after version and platform', () => {
    expect(basename(file)).toBe(`grpo-native-${packageVersion()}-${process.platform}-${process.arch}.tar.gz`);
    expect(statSync(file).size).toBeLessThan(60e6);
  });

  it('holds Node, the licences, the source, all headers, and every module of a run', () => {
    const inside = (...path: string[]) => join(bundle, 'lib', 'node_modules', 'grpo-native', ...path);
    expect(readdirSync(bundle).sort()).toEqual(['LICENSE-node', 'bin', 'install', 'lib']);
    expect(readFileSync(join(bundle, 'LICENSE-node'), 'utf8')).toContain('Node.js');
    for (const path of ['LICENSE', 'CMakeLists.txt', 'native/addon.cc', 'dist/cli.js', 'models/tiny'])
      expect(existsSync(inside(path)), path).toBe(true);
    for (const header of ['node-api-headers/include/node_api.h', 'node-addon-api/napi.h'])
      expect(existsSync(inside('node_modules', header)), header).toBe(true);

    const lock = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8')) as Lock;
    for (const [path, { dev }] of Object.entries(lock.packages))
      if (path !== '') expect(existsSync(inside(path)), path).toBe(dev !== true);
    expect(existsSync(inside('src'))).toBe(false);
  });

  it('runs where there is no Node, by a link too', () => {
    const machine = bareMachine(temporaryFolder(), SHELL);
    const link = join(temporaryFolder(), 'grpo-native');
    symlinkSync(join(bundle, 'bin', 'grpo-native'), link);
    expect(run(machine, link, '--version')).toMatchObject({ status: 0, stdout: `${packageVersion()}\n` });
  });

  it('names its own launcher in what mends a fault', () => {
    const machine = bareMachine(temporaryFolder(), SHELL);
    const launcher = join(bundle, 'bin', 'grpo-native');
    const doctor = run(machine, launcher, 'doctor');
    expect(doctor.status).toBe(1);
    expect(doctor.stdout).toContain(`  Run: ${launcher} setup\n`);
    expect(doctor.stdout).not.toContain('npx');
    expect(run(machine, launcher, 'eval').stderr).toContain(`fix: run \`${launcher} setup\``);
  });
});

describe('its install', () => {
  const install = (machine: NodeJS.ProcessEnv, ...args: string[]) =>
    run(machine, join(bundle, 'install'), ...args);

  it.each([
    ['compiler', ['cmake', 'make'], /COMPILER_MISSING: No C\+\+ compiler on the PATH/],
    ['CMake', ['g++', 'make'], /CMAKE_MISSING: No CMake on the PATH/],
    ['make', ['g++', 'cmake'], /MAKE_MISSING: No make or ninja on the PATH/],
  ])('says that the %s is missing', (_, tools, message) => {
    const { status, stderr } = install(bareMachine(temporaryFolder(), [...SHELL, ...tools]));
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\nfix: Install with: /);
  });

  it('says where it looked for PyTorch, and fetches none', () => {
    const empty = temporaryFolder();
    const { status, stderr } = install(bareMachine(temporaryFolder(), [...SHELL, ...BUILD_TOOLS], empty));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^ {2}python3 on the PATH: no libtorch in .*python3$/m);
    expect(stderr).toMatch(/error LIBTORCH_NOT_FOUND: .*\nfix: Activate an environment with PyTorch 2\.6 to/);
    expect(stderr).not.toContain('Fetching');
  });

  it('says that a PyTorch is too old, however it was found', () => {
    const packages = temporaryFolder();
    const torch = join(packages, 'torch');
    mkdirSync(join(torch, 'lib'), { recursive: true });
    writeFileSync(join(torch, 'lib', `libtorch_cpu.${process.platform === 'darwin' ? 'dylib' : 'so'}`), '');
    writeFileSync(join(torch, '__init__.py'), '');
    writeFileSync(join(torch, 'version.py'), "__version__ = '2.5.1'\n");
    const tooOld = `libtorch 2.5.1 in ${torch} is not supported`;
    const machine = () => bareMachine(temporaryFolder(), [...SHELL, ...BUILD_TOOLS], packages);

    expect(install(machine()).stderr).toContain(`python3 on the PATH: 2.5.1 in ${torch} (${tooOld})`);
    const byFlag = install(machine(), '--libtorch', torch);
    const byVariable = install({ ...machine(), LIBTORCH: torch });
    for (const { status, stderr } of [byFlag, byVariable]) {
      expect(status).toBe(2);
      expect(stderr).toContain(`error LIBTORCH_VERSION: ${tooOld}\nfix: Versions 2.6 to 2.15 are`);
    }
  });

  it('says that its Node does not run here', () => {
    const broken = join(temporaryFolder(), 'grpo-native');
    mkdirSync(join(broken, 'bin'), { recursive: true });
    writeFileSync(join(broken, 'bin', 'node'), '#!/bin/sh\necho "GLIBC_2.99 not found" >&2; exit 1\n', {
      mode: 0o755,
    });
    writeFileSync(join(broken, 'install'), readFileSync(join(bundle, 'install')), { mode: 0o755 });
    const { status, stderr } = run(bareMachine(temporaryFolder(), SHELL), join(broken, 'install'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/GLIBC_2\.99 not found\nerror NODE: .*\nfix: make the bundle with a Node/);
  });
});
