/** A comparison of runs as text for the terminal. */
import { basename } from 'node:path';
import colors from 'picocolors';
import stringWidth from 'string-width';
import { table, type Column } from './table.js';
import { fit, wrapped } from './text.js';
import { duration, number, percent } from '../../common/format.js';
import type { ComparedRun } from '../../experiments/compare/compare.js';

const right = (title: string, width: number): Column => ({ title, width, align: 'right' });
const share = (value: number | null) => (value === null ? '-' : percent(value));
const plain = (value: number | null) => (value === null ? '-' : number(value));

/** @param width columns of the terminal; if no table fits, the figures are listed below each other */
export function comparisonTable(runs: ComparedRun[], target: number, width = Infinity): string {
  const named = Math.min(36, Math.max(8, ...runs.map(({ run }) => stringWidth(run))));
  const forks = runs.some(({ forked_from: from }) => from !== null);
  const chosen = runs.some(({ best_step: step }) => step !== null);
  const columns: Column[] = [
    { title: 'run', width: named },
    right('steps', 6),
    right('reward', 7),
    right('right', 6),
    { title: 'held-out', width: 20 },
    ...(chosen ? [{ title: 'chosen by', width: 18 }] : []),
    right('gap', 6),
    right('KL', 6),
    right('equal', 6),
    right(`to ${percent(target, 0)}`, 7),
    right('time', 11),
    ...(forks
      ? [{ title: 'forked from', width: Math.max(11, ...runs.map((run) => stringWidth(forkText(run)))) }]
      : []),
  ];
  const rows = runs.map((run) => [
    fit(run.run, named),
    `${run.steps}${run.finished ? '' : '+'}`,
    plain(run.reward),
    share(run.train_accuracy),
    run.accuracy === null
      ? '-'
      : `${percent(run.accuracy)} [${number100(run.accuracy_low)}, ${number100(run.accuracy_high)}]`,
    ...(chosen
      ? [run.best_step === null ? '-' : `${share(run.validation_accuracy)} (step ${run.best_step})`]
      : []),
    run.gap === null ? '-' : `${Math.round(100 * run.gap)} pt`,
    plain(run.kl),
    share(run.frac_reward_zero_std),
    run.steps_to_accuracy === null ? '-' : String(run.steps_to_accuracy),
    duration(run.seconds),
    ...(forks ? [forkText(run)] : []),
  ]);
  const notes = [
    `reward, right (of the sampled training completions), KL and equal groups: means of the last tenth of the steps; held-out: greedy, with its 95% interval; to ${percent(target, 0)}: steps until an evaluation reached it`,
    ...(forks ? ['forked from: run and step; time and steps are counted from the start of that run'] : []),
    ...(chosen
      ? ['chosen by: validation accuracy of the best weights, which chose them; held-out is what tells']
      : []),
    ...(runs.some(({ finished }) => !finished) ? ['+: the run has not ended'] : []),
  ];
  const shown =
    [table(columns, rows), transposed(columns, rows)].find((text) => widthOf(text) <= width) ??
    listed(columns, rows, width);
  return `${shown}\n${notes.map((note) => wrapped(colors.dim(note), width)).join('\n')}`;
}

const forkText = ({ forked_from: from, forked_at: step }: ComparedRun): string =>
  from === null ? '-' : `${fit(basename(from), 30)} at ${step}`;

const widthOf = (text: string) => Math.max(...text.split('\n').map((line) => stringWidth(line)));

/** The table transposed: a column per run. */
function transposed([, ...figures]: Column[], rows: string[][]): string {
  const columns = rows.map(([name, ...cells]) =>
    right(name!, Math.max(...[name!, ...cells].map((cell) => stringWidth(cell)))),
  );
  const first: Column = { title: '', width: Math.max(...figures.map(({ title }) => title.length)) };
  return table(
    [first, ...columns],
    figures.map(({ title }, i) => [title, ...rows.map((row) => row[i + 1]!)]),
  );
}

/** A list: the run's name, and a line per figure below it. */
function listed([, ...figures]: Column[], rows: string[][], width: number): string {
  const first = Math.max(...figures.map(({ title }) => title.length)) + 2;
  return rows
    .map(([name, ...cells]) =>
      [
        colors.bold(fit(name!, width)),
        ...figures.map(({ title }, i) => fit(`  ${title.padEnd(first)}${cells[i]!}`, width)),
      ].join('\n'),
    )
    .join('\n\n');
}

const number100 = (value: number | null) => (value === null ? '-' : (100 * value).toFixed(1));

/** The options in which the runs differ, as text. */
export function differencesText(
  runs: ComparedRun[],
  different: Record<string, unknown[]>,
  width = Infinity,
): string {
  const names = Object.keys(different);
  if (names.length === 0) return '';
  const first = Math.max(...names.map((name) => name.length));
  const values = (name: string) =>
    different[name]!.map((value, i) => `${runs[i]!.run}: ${fit(JSON.stringify(value), 60)}`);
  const lines = names.map((name) => `  ${name.padEnd(first)}  ${values(name).join(', ')}`);
  const fits = widthOf(lines.join('\n')) <= width;
  const below = () => names.flatMap((name) => [`  ${name}`, ...values(name).map((one) => `    ${one}`)]);
  return [colors.bold('differ in'), ...(fits ? lines : below().map((line) => fit(line, width)))].join('\n');
}
