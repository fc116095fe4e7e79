import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRIC_COLUMNS, isTime } from '../../src/grpo/metrics.js';

/** `metrics.csv` without the columns that differ between two equal runs. */
export function metricRows(folder: string): string[][] {
  const lines = readFileSync(join(folder, 'metrics.csv'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => line.split(',').filter((_, i) => !isTime(METRIC_COLUMNS[i]!)));
}

/** The file of the weights that learned, of a model folder. */
export const weightsIn = (folder: string): string =>
  ['model.safetensors', 'adapter_model.safetensors']
    .map((name) => join(folder, name))
    .find((file) => existsSync(file))!;
