/** The bundle on a machine without network: installed, moved, and used for training. Compiles the whole addon. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findLibtorch } from '../../src/engine/libtorch/find.js';
import { bareMachine, BUILD_TOOLS, makeBundle, SHELL, unpack } from '../support/bundle.js';

const { libtorch } = findLibtorch();

let folder: string;
let bundle: string;
let machine: NodeJS.ProcessEnv;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-native-bundle-test-'));
  bundle = unpack(makeBundle(folder), folder);
  machine = bareMachine(folder, [...SHELL, ...BUILD_TOOLS, 'unshare'], dirname(libtorch.path));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program in a namespace of its own, which has no network, not even to itself. */
function isolated(program: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync('unshare', ['-rn', program, ...args], {
    cwd: folder,
    env: machine,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const train = (output: string) =>
  isolated(
    join(bundle, 'bin', 'grpo-native'),
    ...['train', '--max-steps', '3', '--eval-samples', '4', '--output-dir', output],
  );

it('really has no network, node or npm', () => {
  const connect = "require('net').connect(9, '127.0.0.1').on('error', ({ code }) => console.log(code))";
  expect(isolated(join(bundle, 'bin', 'node'), '-e', connect)).toMatchObject({ stdout: 'ENETUNREACH\n' });
  const search = 'command -v node npm npx pip || echo none';
  expect(isolated('sh', '-c', search)).toMatchObject({ stdout: 'none\n' });
});

it("builds against the machine's own PyTorch, and says what it does", () => {
  const { status, stdout, stderr } = isolated(join(bundle, 'install'), '--json');
  expect(status, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    libtorch: {
      path: libtorch.path,
      version: libtorch.version,
      source: 'python3 on the PATH',
      fetched: false,
    },
    addon: join(bundle, 'lib/node_modules/grpo-native/build/native/Release/grpo_native.node'),
  });
  expect(stderr).toContain(`libtorch ${libtorch.version} (python3 on the PATH) in ${libtorch.path}`);
  expect(stderr).toMatch(/^Built in .*\d+ (s|min)/m);
  expect(stderr).toContain(`Next: ${bundle}/bin/grpo-native train`);
});

it('has a doctor that is content', () => {
  const { status, stdout } = isolated(join(bundle, 'bin', 'grpo-native'), 'doctor', '--json');
  expect(status, stdout).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, addon: { loads: true }, versions: { npm: null } });
});

it('trains the embedded model, and does so from another place', () => {
  const first = train('first');
  expect(first.status, first.stderr).toBe(0);

  mkdirSync(join(folder, 'shared'));
  const moved = join(folder, 'shared', 'grpo-native');
  renameSync(bundle, moved);
  bundle = moved;
  const second = train('second');
  expect(second.status, second.stderr).toBe(0);
  for (const run of ['first', 'second'])
    expect(readdirSync(join(folder, run))).toEqual(expect.arrayContaining(['final', 'metrics.csv']));
});
