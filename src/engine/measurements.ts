/**
 * What was measured of the processor: the library for matrix products, and how fast bfloat16 is. It is measured once
 * per machine and shape of model, and remembered: later runs start without the measurement, and reproduce earlier
 * runs, since each library, and each kernel, rounds in its own way.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDir, readJson } from '../machine/paths.js';
import type { Bfloat16Info, EngineInfo, EngineOptions, MatrixShape, ModelConfig } from './types.js';

type Backend = EngineOptions['matrixBackend'];
type Measured = Pick<EngineOptions, 'matrixBackend' | 'bfloat16'>;

const BACKENDS = 'matrix-backend.json';
const BFLOAT16 = 'bfloat16.json';

const file = (name: string): string => join(cacheDir(), name);
const key = (threads: number, { in: columns, out, layers }: MatrixShape): string =>
  `${cpus()[0]?.model ?? 'unknown'}, ${threads || 'all'} threads, ${layers} layers of ${columns} x ${out}`;

/** The largest products of a model. */
export const matrixShape = ({
  hiddenSize,
  intermediateSize,
  numHiddenLayers,
}: Pick<ModelConfig, 'hiddenSize' | 'intermediateSize' | 'numHiddenLayers'>): MatrixShape => ({
  in: hiddenSize,
  out: intermediateSize,
  layers: numHiddenLayers,
});

/** What is remembered, else to be measured; the library is that of `GRPO_NATIVE_MATRIX_BACKEND`, where it is set. */
export function remembered(threads: number, shape: MatrixShape): Measured {
  const forced = process.env.GRPO_NATIVE_MATRIX_BACKEND;
  const of = key(threads, shape);
  const bfloat16 = readJson<Record<string, Bfloat16Info>>(file(BFLOAT16))?.[of];
  return {
    matrixBackend:
      forced === 'mkl' || forced === 'onednn' || forced === 'auto'
        ? forced
        : (readJson<Record<string, Backend>>(file(BACKENDS))?.[of] ?? 'auto'),
    ...(bfloat16 && { bfloat16 }),
  };
}

/** Remembers what was measured. If the cache can't be written, the next start measures again (half a second). */
export async function remember(
  threads: number,
  shape: MatrixShape,
  { matrixBackend, matrixGflops, bfloat16 }: EngineInfo,
): Promise<void> {
  const of = key(threads, shape);
  const chosen = matrixBackend === 'mkl' || matrixBackend === 'onednn';
  if (chosen && Object.keys(matrixGflops).length > 0) await keep(BACKENDS, of, matrixBackend);
  if (bfloat16) await keep(BFLOAT16, of, bfloat16);
}

async function keep(name: string, of: string, value: unknown): Promise<void> {
  const before = readJson<Record<string, unknown>>(file(name));
  if (JSON.stringify(before?.[of]) === JSON.stringify(value)) return;
  await mkdir(dirname(file(name)), { recursive: true }).catch(() => undefined);
  await writeFile(file(name), JSON.stringify({ ...before, [of]: value }, null, 2)).catch(() => undefined);
}
