/** What a run came to, without what differs between any two runs: times, paths and dates. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { weightsIn } from '../support/runs.js';
import { METRIC_COLUMNS, isTime } from '../../src/grpo/metrics.js';

/** Each of them is equal for two runs that are the same run. */
export interface Outcome {
  /** SHA-256. */
  weights: string;
  /** Those of `best/`; empty where the run doesn't choose. */
  best: string;
  moments: string;
  metricsCsv: string[];
  metricsJsonl: string[];
  completions: string[];
  /** Names. */
  checkpoints: string[];
  /** What a kill might leave and nobody clears away. */
  leftovers: string[];
}

export function outcomeOf(folder: string): Outcome {
  const checkpoints = readdirSync(join(folder, 'checkpoints')).sort();
  const newest =
    checkpoints
      .filter((name) => /^checkpoint-/.test(name))
      .sort(byStep)
      .at(-1) ?? '';
  return {
    weights: sha256(weightsIn(join(folder, 'final'))),
    best: existsSync(join(folder, 'best')) ? sha256(weightsIn(join(folder, 'best'))) : '',
    moments: sha256(join(folder, 'checkpoints', newest, 'optimizer.safetensors')),
    metricsCsv: lines(join(folder, 'metrics.csv')).map((line) =>
      line
        .split(',')
        .filter((_, i) => i >= METRIC_COLUMNS.length || !isTime(METRIC_COLUMNS[i]!))
        .join(','),
    ),
    metricsJsonl: lines(join(folder, 'metrics.jsonl')).map(withoutTimes).sort(byStepThenText),
    completions: lines(join(folder, 'completions.jsonl')),
    checkpoints,
    leftovers: readdirSync(folder)
      .filter((name) => /^\.|tmp|stale|lock/.test(name))
      .sort(),
  };
}

const lines = (file: string) => readFileSync(file, 'utf8').split('\n');
const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const stepIn = (name: string) => Number(/\d+/.exec(name)![0]);
const byStep = (a: string, b: string) => stepIn(a) - stepIn(b);

function withoutTimes(line: string): string {
  if (line === '') return line;
  const row = JSON.parse(line) as Record<string, unknown>;
  const kept = Object.entries(row).filter(([name]) => !isTime(name));
  return JSON.stringify(
    Object.fromEntries(kept.map(([name, value]) => [name, name === 'checkpoint' ? true : value])),
  );
}

/** Checkpoints are written beside the steps: where their rows come is chance. */
function byStepThenText(a: string, b: string): number {
  const step = (line: string) => (line === '' ? Infinity : (JSON.parse(line) as { step: number }).step);
  return step(a) - step(b) || (a < b ? -1 : 1);
}

/** What differs, in words; empty: nothing. */
export function differences(expected: Outcome, actual: Outcome): string[] {
  return (Object.keys(expected) as (keyof Outcome)[]).flatMap((part) => {
    const [before, after] = [[expected[part]].flat(), [actual[part]].flat()];
    const length = Math.max(before.length, after.length);
    const at = Array.from({ length }, (_, i) => i).find((i) => before[i] !== after[i]);
    if (at === undefined) return [];
    return [`${part}, row ${at}: ${shown(before[at])} became ${shown(after[at])}`];
  });
}

const shown = (line: string | undefined) => (line === undefined ? 'nothing' : line.slice(0, 2000));
