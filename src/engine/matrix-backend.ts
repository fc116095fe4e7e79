/**
 * The choice of the library for matrix products. It is measured once per machine and shape of model, and remembered:
 * later runs start without the measurement, and reproduce earlier runs, since each library rounds in its own way.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDir, readJson } from '../machine/paths.js';
import type { EngineInfo, EngineOptions, MatrixShape, ModelConfig } from './types.js';

type Choice = EngineOptions['matrixBackend'];
type Remembered = Record<string, Choice>;

const file = (): string => join(cacheDir(), 'matrix-backend.json');
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

/** `GRPO_NATIVE_MATRIX_BACKEND`, else the remembered choice, else `auto`. */
export function matrixBackend(threads: number, shape: MatrixShape): Choice {
  const forced = process.env.GRPO_NATIVE_MATRIX_BACKEND;
  if (forced === 'mkl' || forced === 'onednn' || forced === 'auto') return forced;
  return readJson<Remembered>(file())?.[key(threads, shape)] ?? 'auto';
}

/** Remembers what `auto` chose. If the cache can't be written, the next start measures again (100 ms). */
export async function rememberMatrixBackend(
  threads: number,
  shape: MatrixShape,
  info: EngineInfo,
): Promise<void> {
  if (info.matrixBackend !== 'mkl' && info.matrixBackend !== 'onednn') return;
  if (Object.keys(info.matrixGflops).length === 0) return;
  const all = { ...readJson<Remembered>(file()), [key(threads, shape)]: info.matrixBackend };
  await mkdir(dirname(file()), { recursive: true }).catch(() => undefined);
  await writeFile(file(), JSON.stringify(all, null, 2)).catch(() => undefined);
}
