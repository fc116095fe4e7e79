/** `doctor`: reports what is installed, what is wrong, and how to fix it. */
import pc from 'picocolors';
import type { CommandModule, Options } from 'yargs';
import { GrpoError } from '../common/errors.js';
import { flagSource, refuseUnknownFlags, resolveConfig } from '../config/load.js';
import { toKebab } from '../config/names.js';
import { diagnose, type Diagnosis } from '../engine/libtorch/diagnose.js';
import { describe } from '../engine/libtorch/find.js';
import { asCalled } from './as-called.js';
import type { Helpful } from './flag-list.js';
import { fromFlags, yargsOptions } from './flags.js';
import { DOCTOR_GPU } from './options.js';
import { refuseWords, wordsOf } from './schema-command.js';

interface DoctorOptions {
  gpu: boolean;
  json: boolean;
}

const DESCRIBE = 'Check what training needs, and say what mends it';
const FLAGS: Record<string, Options> = {
  gpu: {
    type: 'boolean',
    default: false,
    describe: 'Prove that a GPU computes what the CPU computes, and measure it: eight minutes, no network',
  },
  json: { type: 'boolean', default: false, describe: 'Print JSON alone on standard output' },
};

export const command: CommandModule<object, DoctorOptions> & Helpful = {
  command: 'doctor',
  describe: DESCRIBE,
  builder: (yargs) => yargs.strict(false).options({ ...yargsOptions(DOCTOR_GPU), ...FLAGS }) as never,
  help: () => ({
    form: 'doctor',
    describe: DESCRIBE,
    schemas: [DOCTOR_GPU],
    extra: FLAGS,
    examples: [
      ['grpo-native doctor', 'Lists every place looked in, and the fix for what is wrong'],
      ['grpo-native doctor --gpu', 'On a machine with a GPU: what it computes, and how fast'],
    ],
  }),
  handler: async (argv) => {
    refuseUnknownFlags({ ...argv }, Object.keys({ ...yargsOptions(DOCTOR_GPU), ...FLAGS }));
    refuseWords(wordsOf({ ...argv }), 'doctor');
    const { gpu, json } = argv;
    const flags = fromFlags(DOCTOR_GPU, { ...argv });
    if (gpu) {
      const { gpuCheck } = await import('./gpu-check.js');
      return gpuCheck({ ...resolveConfig(DOCTOR_GPU, [flagSource(flags)]), json });
    }
    refuseWithoutGpu(flags);
    const diagnosis = diagnose();
    process.stdout.write(json ? JSON.stringify(asJson(diagnosis), null, 2) + '\n' : asText(diagnosis));
    if (!works(diagnosis)) process.exitCode = 1;
  },
};

/** Options that would be passed over. */
function refuseWithoutGpu(flags: Record<string, unknown>): void {
  const [given] = Object.keys(flags);
  if (given === undefined) return;
  const name = toKebab(given);
  throw new GrpoError('USAGE', `--${name} is an option of doctor --gpu`, {
    fix: `add --gpu, or leave out --${name}`,
    value: flags[given],
  });
}

function works({ problems }: Diagnosis): boolean {
  return !problems.some(({ severity }) => severity === 'error');
}

function asText(diagnosis: Diagnosis): string {
  const lines = sections(diagnosis).flatMap(([title, rows]) => [
    pc.bold(title),
    ...rows.map(([name, value]) => `  ${name.padEnd(28)}${value}`),
    '',
  ]);
  for (const { severity, message, fix, code } of diagnosis.problems) {
    const mark = severity === 'error' ? pc.red('error') : pc.yellow('warning');
    lines.push(`${mark} ${code}: ${message}`, `  ${asCalled(fix)}`, '');
  }
  lines.push(
    works(diagnosis) ? pc.green('Training works here.') : pc.red('Training does not work here yet.'),
  );
  return lines.join('\n') + '\n';
}

type Section = [title: string, rows: [name: string, value: string][]];

function sections(diagnosis: Diagnosis): Section[] {
  const { versions, tools, search, addon } = diagnosis;
  return [
    [
      'Programs',
      [
        ['grpo-native', versions.grpoNative],
        ['node', versions.node],
        ['npm', versions.npm ?? 'not found'],
        ...tools.map(({ name, path, version }): [string, string] => [
          name,
          path === null ? 'not found' : `${version ?? 'unknown version'} (${path})`,
        ]),
        ['python3', versions.python ?? 'not found (only setup needs it)'],
      ],
    ],
    ['libtorch', libtorchRows(diagnosis)],
    [
      'Looked in',
      search.places.map((place) => [place.source, describe(place).slice(place.source.length + 2)]),
    ],
    ['Addon', addonRows(addon)],
    ['Machine', machineRows(diagnosis)],
    ['GPU', gpuRows(diagnosis)],
  ];
}

function libtorchRows({ search: { chosen, source } }: Diagnosis): Section[1] {
  if (chosen === null) return [['version', 'none']];
  return [
    ['version', chosen.version],
    ['path', chosen.path],
    ['found by', source!],
    ['std::string ABI', chosen.cxx11Abi ? 'new (C++11)' : 'old'],
    ['CUDA build', chosen.cuda ?? 'no'],
  ];
}

function addonRows({ path, stamp, info }: Diagnosis['addon']): Section[1] {
  const rows: Section[1] = [
    ['path', path],
    ['built against', stamp === null ? 'not built' : `${stamp.version} in ${stamp.path}`],
    ['loads', info === null ? 'no' : 'yes'],
  ];
  if (info === null) return rows;
  const rates = Object.entries(info.matrixGflops).map(([name, rate]) => `${name} ${rate.toFixed(0)}`);
  return [
    ...rows,
    ['device', info.device],
    ['vector instructions', info.cpuCapability],
    ['threads', String(info.threads)],
    ['matrix back end', `${info.matrixBackend} (GFLOP/s: ${rates.join(', ')})`],
  ];
}

function machineRows({ system, processor, memory, cache }: Diagnosis): Section[1] {
  const { model, physicalCores, logicalCores, features } = processor;
  return [
    ['system', `${system.platform} ${system.release} (${system.arch})`],
    ['processor', model],
    ['cores', `${physicalCores} (${logicalCores} threads)`],
    ['instructions', features.join(' ') || 'unknown'],
    ['memory', `${gigabytes(memory.total)}, ${gigabytes(memory.free)} free`],
    ['cache', `${cache.path}, ${gigabytes(cache.free)} free`],
  ];
}

function gpuRows({ gpus, gpuInfo, search: { chosen } }: Diagnosis): Section[1] {
  const rows = gpus.map(({ name, memory, driver, computeCapability }, i): [string, string] => [
    `cuda:${i}`,
    `${name}, ${memory}, driver ${driver}, compute capability ${computeCapability}`,
  ]);
  if (rows.length === 0) rows.push(['nvidia-smi', 'lists none']);
  rows.push(['libtorch was built for', chosen?.cuda ? `CUDA ${chosen.cuda}` : 'the CPU alone']);
  const memory = gpuInfo?.deviceMemory;
  rows.push([
    '--device auto',
    gpuInfo === null
      ? 'the CPU'
      : `${gpuInfo.device}${memory ? `, ${gigabytes(memory.free)} of ${gigabytes(memory.total)} free` : ''}`,
  ]);
  return rows;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** The diagnosis as JSON with snake_case names. */
function asJson(diagnosis: Diagnosis): object {
  const { versions, tools, search, addon, system, processor, memory, cache, gpus, gpuInfo, problems } =
    diagnosis;
  const { info } = addon;
  return {
    ok: works(diagnosis),
    versions: {
      grpo_native: versions.grpoNative,
      node: versions.node,
      npm: versions.npm,
      python: versions.python,
    },
    tools: tools.map(({ name, path, version }) => ({ name, path, version })),
    libtorch: search.chosen && {
      path: search.chosen.path,
      version: search.chosen.version,
      source: search.source,
      cxx11_abi: search.chosen.cxx11Abi,
      cuda: search.chosen.cuda,
    },
    places: search.places.map(({ source, where, libtorch }) => ({
      source,
      where,
      version: libtorch?.version ?? null,
      problem: libtorch?.problem?.message ?? null,
    })),
    addon: {
      path: addon.path,
      built_against: addon.stamp && { path: addon.stamp.path, version: addon.stamp.version },
      loads: info !== null,
      device: info?.device ?? null,
      cpu_capability: info?.cpuCapability ?? null,
      threads: info?.threads ?? null,
      matrix_backend: info?.matrixBackend ?? null,
      matrix_gflops: info?.matrixGflops ?? null,
    },
    system,
    processor: {
      model: processor.model,
      physical_cores: processor.physicalCores,
      logical_cores: processor.logicalCores,
      features: processor.features,
    },
    memory,
    cache,
    gpus: gpus.map(({ computeCapability, ...gpu }) => ({ ...gpu, compute_capability: computeCapability })),
    auto_device: gpuInfo?.device ?? 'cpu',
    gpu_memory: gpuInfo?.deviceMemory ?? null,
    problems: problems.map((problem) => ({ ...problem, fix: asCalled(problem.fix) })),
  };
}
