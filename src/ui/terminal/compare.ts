/** Runs side by side, for a person. */
import colors from 'picocolors';
import { table, type Column } from './table.js';
import { fit } from './text.js';
import { duration, number, percent } from '../../common/format.js';
import type { ComparedRun } from '../../experiments/compare/compare.js';

const right = (title: string, width: number): Column => ({ title, width, align: 'right' });
const share = (value: number | null) => (value === null ? '-' : percent(value));
const plain = (value: number | null) => (value === null ? '-' : number(value));

export function comparisonTable(runs: ComparedRun[], target: number): string {
  const width = Math.min(36, Math.max(8, ...runs.map(({ run }) => run.length)));
  const columns: Column[] = [
    { title: 'run', width },
    right('steps', 6),
    right('reward', 7),
    right('right', 6),
    { title: 'held-out', width: 20 },
    right('gap', 6),
    right('KL', 6),
    right('equal', 6),
    right(`to ${percent(target, 0)}`, 7),
    right('time', 11),
  ];
  const rows = runs.map((run) => [
    fit(run.run, width),
    `${run.steps}${run.finished ? '' : '+'}`,
    plain(run.reward),
    share(run.train_accuracy),
    run.accuracy === null
      ? '-'
      : `${percent(run.accuracy)} [${number100(run.accuracy_low)}, ${number100(run.accuracy_high)}]`,
    run.gap === null ? '-' : `${Math.round(100 * run.gap)} pt`,
    plain(run.kl),
    share(run.frac_reward_zero_std),
    run.steps_to_accuracy === null ? '-' : String(run.steps_to_accuracy),
    duration(run.seconds),
  ]);
  const notes = [
    `reward, right (of the sampled training completions), KL and equal groups: means of the last tenth of the steps; held-out: greedy, with its 95% interval; to ${percent(target, 0)}: steps until an evaluation reached it`,
    ...(runs.some(({ finished }) => !finished) ? ['+: the run has not ended'] : []),
  ];
  return `${table(columns, rows)}\n${notes.map((note) => colors.dim(note)).join('\n')}`;
}

const number100 = (value: number | null) => (value === null ? '-' : (100 * value).toFixed(1));

/** Options in which the runs differ. */
export function differencesText(runs: ComparedRun[], different: Record<string, unknown[]>): string {
  const names = Object.keys(different);
  if (names.length === 0) return '';
  const width = Math.max(...names.map((name) => name.length));
  return [
    colors.bold('differ in'),
    ...names.map(
      (name) =>
        `  ${name.padEnd(width)}  ${different[name]!.map((value, i) => `${runs[i]!.run}: ${fit(JSON.stringify(value), 60)}`).join(', ')}`,
    ),
  ].join('\n');
}
