/**
 * `npm run bundle [-- TARBALL] [-- --out FOLDER]`: one file that installs on a machine without network. It holds the
 * Node that runs this, the package (TARBALL, else packed anew) and the modules it needs, Node's and the addon's headers
 * among them. Its `install` builds the addon against that machine's own PyTorch.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot, packageVersion } from '../src/machine/paths.js';

/** Bytes that the bundle may have. */
const LIMIT = 60e6;
/** The libraries that Node may need of the system: a machine with a C++ compiler has them. */
const SYSTEM = /^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt|libgcc_s|libstdc\+\+|libatomic)[.-]/;

const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export GRPO_NATIVE_COMMAND="$here/grpo-native"
exec "$here/node" "$here/../lib/node_modules/grpo-native/dist/cli.js" "$@"
`;

const INSTALL = `#!/bin/sh
# ./install [--libtorch FOLDER]: builds the engine against this machine's PyTorch, and fetches nothing.
# It needs a C++ compiler, CMake, and make or ninja. Once more after the folder or the PyTorch has changed.
here=$(dirname "$(readlink -f "$0")")
if ! "$here/bin/node" --version > /dev/null; then
  echo "error NODE: the Node of this bundle does not run here: see the line above" >&2
  echo "fix: make the bundle with a Node from nodejs.org, on a system that is no newer than this one" >&2
  exit 1
fi
exec "$here/bin/grpo-native" setup --no-fetch "$@"
`;

const root = packageRoot();
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: root } },
});

/** Runs a program in this checkout; returns its standard output. */
function run(program: string, ...args: string[]): string {
  const { status, stdout, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error) throw new Error(`${program} can't be run: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`);
  return stdout;
}

/** The running Node without its symbols, and its licence. */
function copyNode(folder: string): void {
  const node = realpathSync(process.execPath);
  if (process.platform === 'linux') {
    const foreign = [...run('ldd', node).matchAll(/^\s*(\S+) =>/gm)].map(([, name]) => name!);
    const missing = foreign.filter((name) => !SYSTEM.test(name));
    if (missing.length > 0)
      throw new Error(`${node} needs ${missing.join(', ')}: run this with a Node from nodejs.org`);
  }
  const prefix = dirname(dirname(node));
  const licence = ['LICENSE', 'share/doc/nodejs/LICENSE']
    .map((name) => join(prefix, name))
    .find((file) => existsSync(file));
  if (licence === undefined)
    throw new Error(`Node's LICENSE is not in ${prefix}: run this with a Node from nodejs.org`);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  copyFileSync(node, join(folder, 'bin', 'node'));
  copyFileSync(licence, join(folder, 'LICENSE-node'));
  // Symbols that addons use stay. (On macOS it would break the signature, without which nothing runs.)
  if (process.platform === 'linux') run('strip', join(folder, 'bin', 'node'));
}

/** The packed package, and the modules of this checkout that it needs at run time. */
function copyPackage(folder: string): void {
  mkdirSync(folder, { recursive: true });
  run('tar', '-xzf', positionals[0] ?? pack(), '--strip-components=1', '-C', folder);
  const modules = run('npm', 'ls', '--omit=dev', '--all', '--parseable').trim().split('\n').slice(1);
  for (const module of modules)
    cpSync(module, join(folder, relative(root, module)), { recursive: true, verbatimSymlinks: true });
}

/** Packs the package as for a release: npm's hooks empty dist/ and build it anew. */
function pack(): string {
  run('npm', 'pack', '--silent', '--pack-destination', stage);
  return join(
    stage,
    readdirSync(stage).find((name) => name.endsWith('.tgz'))!,
  );
}

const stage = mkdtempSync(join(tmpdir(), 'grpo-native-bundle-'));
try {
  const top = join(stage, 'grpo-native');
  copyNode(top);
  copyPackage(join(top, 'lib', 'node_modules', 'grpo-native'));
  writeFileSync(join(top, 'bin', 'grpo-native'), LAUNCHER, { mode: 0o755 });
  writeFileSync(join(top, 'install'), INSTALL, { mode: 0o755 });

  const name = `grpo-native-${packageVersion()}-${process.platform}-${process.arch}.tar.gz`;
  const file = join(options.out, name);
  run('tar', '-czf', file, '--owner=0', '--group=0', '-C', stage, 'grpo-native');
  const { size } = statSync(file);
  if (size > LIMIT) {
    rmSync(file);
    throw new Error(`${name} would have ${megabytes(size)}, more than ${megabytes(LIMIT)}`);
  }
  process.stdout.write(`${file}: ${megabytes(size)}, Node ${process.versions.node}\n`);
} catch (error) {
  process.stderr.write(`bundle: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
