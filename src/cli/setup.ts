/** `setup`: finds or downloads libtorch, builds the addon, tests it, and reports the result. */
import { createInterface } from 'node:readline/promises';
import pc from 'picocolors';
import type { CommandModule, Options } from 'yargs';
import { refuseUnknownFlags } from '../config/load.js';
import { GrpoError } from '../common/errors.js';
import { buildAddon } from '../engine/libtorch/build.js';
import { fetchLibtorch, makeVenv, planFetch, type FetchPlan } from '../engine/libtorch/fetch.js';
import { describe, named, remember, search } from '../engine/libtorch/find.js';
import type { Libtorch } from '../engine/libtorch/inspect.js';
import { probeAddon } from '../engine/libtorch/probe.js';
import { requireBuildTools } from '../engine/libtorch/tools.js';
import { NEWEST, OLDEST } from '../engine/libtorch/version.js';
import { duration } from '../common/format.js';
import { nvidiaGpus } from '../machine/gpu.js';
import { expandHome, writableCacheDir } from '../machine/paths.js';
import { asCalled } from './as-called.js';
import type { Helpful } from './flag-list.js';
import { refuseWords, wordsOf } from './schema-command.js';
import { setupMpi } from './setup-mpi.js';

interface SetupOptions {
  mpi: string | undefined;
  libtorch: string | undefined;
  fetch: boolean | undefined;
  yes: boolean;
  json: boolean;
}

interface Choice {
  libtorch: Libtorch;
  source: string;
  fetched: boolean;
}

const DESCRIBE = 'Find or fetch libtorch and build the addon';
const FLAGS: Record<string, Options> = {
  libtorch: {
    type: 'string',
    describe: 'Use the libtorch in this folder',
    requiresArg: true,
    group: 'libtorch',
  },
  fetch: {
    type: 'boolean',
    describe: "Fetch PyTorch's libraries even where there are some; `--no-fetch` never does",
    group: 'libtorch',
  },
  yes: { alias: 'y', type: 'boolean', default: false, describe: 'Fetch without asking', group: 'libtorch' },
  mpi: {
    type: 'string',
    describe:
      'Set up MPI alone, for several processes that train together: with this mpicxx, that on the PATH, or a fetched one',
    group: 'Several processes',
  },
  json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' },
};

export const command: CommandModule<object, SetupOptions> & Helpful = {
  command: 'setup',
  describe: DESCRIBE,
  builder: (yargs) => yargs.strict(false).options(FLAGS) as never,
  help: () => ({
    form: 'setup',
    describe: DESCRIBE,
    schemas: [],
    extra: FLAGS,
    examples: [
      ['grpo-native setup', 'Finds libtorch, or fetches it into your cache, and builds the addon'],
      ['grpo-native setup --mpi', 'Sets up MPI, for train --processes N and mpirun'],
      ['grpo-native setup --libtorch ~/venv/lib/python3.11/site-packages/torch', 'Builds against that one'],
    ],
  }),
  handler: (argv) => {
    refuseUnknownFlags({ ...argv }, [...Object.keys(FLAGS), 'y']);
    refuseWords(wordsOf({ ...argv }), 'setup');
    if (argv.libtorch !== undefined && argv.fetch) {
      throw new GrpoError('USAGE', '--libtorch and --fetch contradict each other', {
        fix: 'give one of them',
      });
    }
    return argv.mpi === undefined ? setup(argv) : setupMpi({ ...argv, mpi: argv.mpi }, say);
  },
};

async function setup(options: SetupOptions): Promise<void> {
  if (process.platform === 'win32') {
    throw new GrpoError('PLATFORM', 'grpo-native builds on Linux and macOS', { fix: 'On Windows use WSL' });
  }
  // Before the download, which is of no use without these.
  requireBuildTools();
  writableCacheDir();
  const { libtorch, source, fetched } = await choose(options);
  say(`libtorch ${pc.bold(libtorch.version)} (${source}) in ${libtorch.path}`);
  if (nvidiaGpus().gpus.length > 0 && libtorch.cuda === null) {
    say(pc.yellow('It is a CPU build, and there is an NVIDIA GPU: setup --fetch gets the CUDA build'));
  }
  say('Building the addon (about a minute the first time)');
  const built = await buildAddon(libtorch, { onProgress: say });
  say(`Built in ${duration(built.seconds)}`);
  const info = probeAddon();
  remember(libtorch);

  const rate = info.matrixGflops[info.matrixBackend];
  say(
    `The addon works: ${info.device}, ${info.cpuCapability}, ${info.threads} threads, ` +
      `matrices by ${info.matrixBackend}${rate === undefined ? '' : ` at ${rate.toFixed(0)} GFLOP/s`}`,
  );
  say(`Next: ${pc.bold(asCalled('npx grpo-native train'))}`);
  if (options.json)
    printJson({ libtorch, source, fetched, addon: built.addon, seconds: built.seconds, info });
}

function printJson(result: {
  libtorch: Libtorch;
  source: string;
  fetched: boolean;
  addon: string;
  seconds: number;
  info: ReturnType<typeof probeAddon>;
}): void {
  const { libtorch, info } = result;
  const report = {
    libtorch: {
      path: libtorch.path,
      version: libtorch.version,
      cuda: libtorch.cuda,
      source: result.source,
      fetched: result.fetched,
    },
    addon: result.addon,
    build_seconds: result.seconds,
    device: info.device,
    cpu_capability: info.cpuCapability,
    threads: info.threads,
    matrix_backend: info.matrixBackend,
    matrix_gflops: info.matrixGflops,
  };
  process.stdout.write(JSON.stringify(report, null, 2) + '\n');
}

async function choose(options: SetupOptions): Promise<Choice> {
  if (options.libtorch !== undefined) {
    return {
      libtorch: named(expandHome(options.libtorch), '--libtorch'),
      source: '--libtorch',
      fetched: false,
    };
  }
  if (!options.fetch) {
    const { places, chosen, source } = search();
    if (chosen !== null) return { libtorch: chosen, source: source!, fetched: false };
    // A folder that the user named is not silently replaced by another one.
    if (process.env.LIBTORCH) named(process.env.LIBTORCH, 'LIBTORCH');
    say('No usable libtorch found. Looked at:');
    for (const place of places) say(`  ${describe(place)}`);
    if (options.fetch === false) {
      throw new GrpoError('LIBTORCH_NOT_FOUND', 'No usable libtorch was found', {
        fix: `Activate an environment with PyTorch ${OLDEST} to ${NEWEST}, or name its folder with --libtorch or LIBTORCH`,
      });
    }
  }
  const plan = planFetch(makeVenv());
  await agree(plan, options);
  say(`Fetching ${plan.what}: ${size(plan)}`);
  return { libtorch: fetchLibtorch(plan), source: 'fetched', fetched: true };
}

/** Asks the user before a download; if the input is no terminal, running `setup` counts as consent. */
async function agree(plan: FetchPlan, options: SetupOptions): Promise<void> {
  if (options.yes || options.fetch || !process.stdin.isTTY || !process.stderr.isTTY) return;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`Fetch ${plan.what}: ${size(plan)}? [Y/n] `);
  prompt.close();
  if (/^(y|yes|)$/i.test(answer.trim())) return;
  throw new GrpoError('DECLINED', 'Nothing was fetched', {
    fix: 'Give one that is there: npx grpo-native setup --libtorch PATH',
  });
}

function size({ download, disk }: FetchPlan): string {
  return `about ${(download / 1e9).toFixed(1)} GB to download, ${(disk / 1e9).toFixed(1)} GB on disk`;
}

function say(line: string): void {
  process.stderr.write(line + '\n');
}
