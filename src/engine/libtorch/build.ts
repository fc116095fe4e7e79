/** Builds the addon with cmake-js, in an output folder of its own. */
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { GrpoError } from '../../common/errors.js';
import { usableCores } from '../../machine/processor.js';
import { memory } from '../../machine/memory.js';
import { packageRoot, packageVersion, readJson } from '../../machine/paths.js';
import type { Libtorch } from './inspect.js';
import { withLock } from './lock.js';
import { requireBuildTools } from './tools.js';

/** Memory that compiling one file takes, because of PyTorch's headers. */
const BYTES_PER_JOB = 1.5e9;

/** `address`: memory and undefined behaviour; `thread`: data races. */
export type Sanitizer = 'address' | 'thread';

export interface BuildOptions {
  /** Optimised code with debug information, in `build/debug`. */
  debug?: boolean;
  /** Instruments our own C++ with a sanitizer, in `build/address` or `build/thread`. */
  sanitize?: Sanitizer;
  /** Builds the tests' device beside the addon; in a checkout only. */
  testDevice?: boolean;
  /** Removes the previous build first. */
  clean?: boolean;
  /** Called with a line for each file that is compiled. */
  onProgress?: (line: string) => void;
}

export interface BuildResult {
  addon: string;
  seconds: number;
  log: string;
}

/** The libtorch that the addon was built against; kept in a file beside the addon. */
export interface BuildStamp {
  path: string;
  version: string;
  cuda: string | null;
  /** Version of this package. */
  package: string;
  config: string;
}

/** The stamp of the existing build; undefined if there is none. */
export function buildStamp(debug = false): BuildStamp | undefined {
  return readJson(join(buildFolder({ debug }), 'libtorch.json'));
}

/** Builds what changed since the last build: seconds for one file, about a minute for all. */
export async function buildAddon(libtorch: Libtorch, options: BuildOptions = {}): Promise<BuildResult> {
  requireBuildTools();
  requireWritable();
  const began = Date.now();
  const folder = buildFolder(options);
  const config = options.debug || options.sanitize ? 'RelWithDebInfo' : 'Release';
  const log = `${folder}.log`;
  await withLock(`${folder}.lock`, options.onProgress, async () => {
    if (options.clean || !isConfiguredFor(folder, libtorch)) rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const definitions = {
      GRPO_SANITIZE: options.sanitize ?? '',
      GRPO_TEST_DEVICE: options.testDevice ? 'ON' : '',
    };
    await cmakeJs(libtorch, folder, config, definitions, log, options.onProgress);
    const stamp: BuildStamp = {
      path: libtorch.path,
      version: libtorch.version,
      cuda: libtorch.cuda,
      package: packageVersion(),
      config,
    };
    writeFileSync(join(folder, 'libtorch.json'), JSON.stringify(stamp, null, 2) + '\n');
  });
  return { addon: join(folder, config, 'grpo_native.node'), seconds: (Date.now() - began) / 1000, log };
}

function buildFolder({ debug = false, sanitize }: BuildOptions): string {
  return join(packageRoot(), 'build', sanitize ?? (debug ? 'debug' : 'native'));
}

function requireWritable(): void {
  const root = packageRoot();
  const build = join(root, 'build');
  try {
    accessSync(existsSync(build) ? build : root, constants.W_OK);
  } catch (cause) {
    throw new GrpoError('PACKAGE_READ_ONLY', `The addon is built in ${build}, which can't be written`, {
      fix: 'Install grpo-native in a folder of your own (npm install, without -g or sudo), or run this command as the owner of that folder',
      value: build,
      exitCode: 1,
      cause,
    });
  }
}

/** False if CMake's cache belongs to another libtorch, another version of it, or another build folder. */
function isConfiguredFor(folder: string, libtorch: Libtorch): boolean {
  const entry = (name: string) => cacheEntry(folder, name);
  const stamp = readJson<BuildStamp>(join(folder, 'libtorch.json'));
  return (
    entry('LIBTORCH') === libtorch.path &&
    entry('CMAKE_HOME_DIRECTORY') === packageRoot() &&
    (stamp === undefined || stamp.version === libtorch.version)
  );
}

/** What CMake's cache of a build folder has under a name; undefined: nothing. */
function cacheEntry(folder: string, name: string): string | undefined {
  const cache = join(folder, 'CMakeCache.txt');
  if (!existsSync(cache)) return undefined;
  return new RegExp(`^${name}:[A-Z]+=(.*)$`, 'm').exec(readFileSync(cache, 'utf8'))?.[1];
}

async function cmakeJs(
  libtorch: Libtorch,
  folder: string,
  config: string,
  definitions: Record<string, string>,
  log: string,
  onProgress?: (line: string) => void,
): Promise<void> {
  const jobs = Math.max(1, Math.min(usableCores(), Math.floor(memory().free / BYTES_PER_JOB)));
  // With `binary.napi_versions` in package.json cmake-js takes Node's headers from the package
  // node-api-headers; it downloads nothing.
  // A folder that is configured already would be built as it was: `configure` comes first where more is asked.
  const asked = Object.entries(definitions).filter(([, value]) => value !== '');
  const again = asked.some(([name, value]) => cacheEntry(folder, name) !== value);
  const args = ['--directory', packageRoot(), '--out', folder, '--config', config];
  args.push('--parallel', String(jobs), `--CDLIBTORCH=${libtorch.path}`);
  for (const [name, value] of asked) args.push(`--CD${name}=${value}`);
  // A newer compiler may have new warnings: they are errors in a checkout, but not for users of the package.
  args.push(`--CDWARNINGS_AS_ERRORS=${existsSync(join(packageRoot(), 'src')) ? 'ON' : 'OFF'}`);
  let output: string | null = null;
  for (const command of [...(again ? ['configure'] : []), 'build'])
    output ??= await runLogged([cmakeJsBin(), command, ...args], log, onProgress);
  if (output === null) return;
  throw new GrpoError(
    'BUILD_FAILED',
    `The addon did not compile against libtorch ${libtorch.version}:\n${output}`,
    {
      fix: `The whole log is in ${log}; npx grpo-native doctor checks the tools`,
      exitCode: 1,
    },
  );
}

function cmakeJsBin(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
}

/** Runs cmake-js; returns null on success, else the lines of its output that show the error. */
function runLogged(args: string[], log: string, onProgress?: (line: string) => void): Promise<string | null> {
  const env = {
    ...process.env,
    // CMakeLists.txt calls `node`, which need not be on the PATH.
    PATH: [process.env.PATH, dirname(process.execPath)].filter(Boolean).join(delimiter),
    // ccache handles precompiled headers only with this setting.
    CCACHE_SLOPPINESS: 'pch_defines,time_macros',
    CMAKE_COLOR_DIAGNOSTICS: 'OFF',
  };
  return new Promise((resolve, reject) => {
    const file = createWriteStream(log);
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let rest = '';
    const take = (chunk: Buffer) => {
      file.write(chunk);
      text += chunk.toString();
      rest += chunk.toString();
      const lines = rest.split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const step = progressOf(line);
        if (step !== null) onProgress?.(step);
      }
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', (status) => {
      file.end(() => resolve(status === 0 ? null : excerpt(text)));
    });
  });
}

/** The progress line `[ 42%] native/tree/forest.cc` from CMake's output, with make or ninja. */
function progressOf(line: string): string | null {
  const match = /^(\[[^\]]+\]) (?:Building|Linking) CXX (?:object|shared \w+) (.*)$/.exec(line);
  if (match === null) return null;
  const file = match[2]!.replace(/^.*\.dir\//, '').replace(/\.(o|gch)$/, '');
  return `${match[1]!} ${file.startsWith('cmake_pch') || file.includes('/cmake_pch') ? "PyTorch's headers" : file}`;
}

/** The errors in a log, each with the lines after it; the end of the log if it has none. */
export function excerpt(text: string, limit = 20): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const picked = new Set<number>();
  lines.forEach((line, i) => {
    if (
      !/(^|[^\w])(fatal )?error:|^CMake Error|undefined reference|internal compiler error|Killed/.test(line)
    )
      return;
    for (let j = i; j < Math.min(i + 3, lines.length); j++) picked.add(j);
  });
  const shown = picked.size > 0 ? [...picked].map((i) => lines[i]!) : lines.slice(-limit);
  return shown.slice(0, limit).join('\n');
}
