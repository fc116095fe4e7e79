/** The page that compares runs: a table of figures, the options that differ, and the runs' curves in common charts. */
import type { ComparedRun } from '../../experiments/compare/compared.js';
import type { Embedded, RunData } from '../server/types.js';
import { Chart, evaluationPoints, type Drawn } from './chart.js';
import { branches, forkPoint } from './fork.js';
import { el, fill, section, table, type Child } from './dom.js';
import { count, duration, number, percent, value } from './format.js';
import { PANELS, TIME, type Panel } from './panels.js';
import { Chosen } from './state.js';

/** Number of colours; further runs have the same colours with dashed lines. */
const COLORS = 6;
const drawing = (i: number) => ({
  color: (i % COLORS) + 1,
  ...(i >= COLORS && { dash: i >= 2 * COLORS ? [2, 3] : [8, 4] }),
});

export function comparePage(
  runs: RunData[],
  { rows, differences }: NonNullable<Embedded['comparison']>,
): Child[] {
  let axis: 'step' | 'seconds' = 'step';
  const chosen = new Chosen();
  const drawn = [...PANELS, TIME[1]!].map((panel) => ({
    panel,
    chart: new Chart(firstLineOf(panel), chosen),
  }));
  const draw = () => {
    for (const { panel, chart } of drawn)
      chart.show(linesOf(panel, runs, axis), [], axis, notesOf(panel, runs));
  };
  const choice = (name: typeof axis, text: string) =>
    el(
      'label',
      {},
      el('input', {
        type: 'radio',
        name: 'axis',
        value: name,
        checked: axis === name,
        onchange: () => {
          axis = name;
          draw();
        },
      }),
      text,
    );
  draw();
  return [
    section(
      'figures',
      'Figures',
      figures(rows, runs),
      el(
        'p',
        { class: 'note' },
        'Reward, right (of the sampled training completions), KL and equal groups are means of the last tenth of the steps; held-out is greedy, with its 95% interval.',
      ),
    ),
    section(
      'noticed',
      'What was noticed',
      el('ul', {}, ...runs.map((run, i) => el('li', {}, runLabel(run.name, i), ': ', noticed(run)))),
    ),
    reached(runs),
    section('differences', 'Differences', differencesTable(rows, differences)),
    section(
      'curves',
      'Curves',
      el('p', { class: 'legend' }, ...runs.map(({ name }, i) => runLabel(name, i))),
      el('p', { class: 'steps' }, 'over ', choice('step', 'steps'), choice('seconds', 'seconds')),
      el('div', { class: 'charts' }, ...drawn.map(({ chart }) => chart.element)),
    ),
  ];
}

const runLabel = (name: string, i: number) =>
  el('span', { class: 'swatch' }, el('i', { style: `background: var(--c${(i % COLORS) + 1})` }), name);

function figures(rows: ComparedRun[], runs: RunData[]): HTMLElement {
  const forks = runs.some(({ forkedFrom }) => forkedFrom);
  const chosen = rows.some(({ best_step: step }) => step !== null);
  return table(
    [
      ...['run', 'steps', 'reward', 'right', 'held-out', ...(chosen ? ['chosen by validation'] : [])],
      ...['before', 'gap', 'KL', 'equal groups', 'time', 'a step', ...(forks ? ['forked from'] : [])],
    ],
    rows.map((row, i) => [
      runLabel(row.run, i),
      `${count(row.steps)}${row.finished ? '' : ' (not ended)'}`,
      number(row.reward),
      percent(row.train_accuracy),
      row.accuracy === null
        ? '-'
        : `${percent(row.accuracy)} [${percent(row.accuracy_low)}, ${percent(row.accuracy_high)}]`,
      ...(chosen
        ? [row.best_step === null ? '-' : `${percent(row.validation_accuracy)} (step ${row.best_step})`]
        : []),
      percent(row.accuracy_before),
      row.gap === null ? '-' : `${Math.round(100 * row.gap)} pt`,
      number(row.kl),
      percent(row.frac_reward_zero_std),
      duration(row.seconds),
      row.seconds_per_step === null ? '-' : duration(row.seconds_per_step),
      ...(forks ? [forkText(runs[i]!)] : []),
    ]),
    { class: 'numbers' },
  );
}

const forkText = ({ forkedFrom }: RunData) => (forkedFrom ? forkPoint(forkedFrom) : '-');

const noticed = ({ diagnoses }: RunData): string =>
  diagnoses
    .filter(({ ended }) => ended === undefined)
    .map(({ title, level }) => `${title} (${level})`)
    .join(', ') || 'nothing';

/** Steps and seconds until an evaluation reached the accuracy that the reader chooses. */
function reached(runs: RunData[]): HTMLElement {
  const body = el('div');
  const input = el('input', {
    type: 'range',
    min: 0,
    max: 100,
    value: initialTarget(runs),
    'aria-label': 'held-out accuracy in percent',
    oninput: () => show(),
  });
  const told = el('output', {});
  const show = () => {
    const target = Number(input.value) / 100;
    told.textContent = percent(target, 0);
    fill(
      body,
      table(
        ['run', 'steps', 'seconds of training', 'accuracy there'],
        runs.map(({ name, evaluations }, i) => {
          const first = evaluations.find(({ accuracy }) => accuracy >= target);
          return [
            runLabel(name, i),
            first ? (first.step > 0 ? count(first.step) : 'before training') : 'not reached',
            first && first.step > 0 ? duration(first.seconds) : '-',
            first ? `${percent(first.accuracy)} [${percent(first.low)}, ${percent(first.high)}]` : '-',
          ];
        }),
        { class: 'numbers' },
      ),
    );
  };
  show();
  return section(
    'reached',
    'Steps and seconds to an accuracy',
    el('p', { class: 'steps' }, 'held-out accuracy of ', input, told),
    body,
  );
}

/** The accuracy, in percent, chosen at first: 50, or the best accuracy of any run if none reached that. */
function initialTarget(runs: RunData[]): number {
  const later = runs.flatMap(({ evaluations }) => evaluations.filter(({ step }) => step > 0));
  const best = Math.max(...later.map(({ accuracy }) => accuracy));
  return Number.isFinite(best) ? Math.floor(100 * Math.min(0.5, best)) : 50;
}

function differencesTable(rows: ComparedRun[], differences: Record<string, unknown[]>): HTMLElement {
  const names = Object.keys(differences);
  if (names.length === 0) return el('p', { class: 'note' }, 'They have the same options.');
  return table(
    ['option', ...rows.map(({ run }, i) => runLabel(run, i))],
    names.map((name) => [name, ...differences[name]!.map((one) => el('code', {}, value(one)))]),
  );
}

/** The chart of a panel's first line, which says which one that is. */
function firstLineOf(panel: Panel): Panel {
  const { lines, evaluations, unit } = panel;
  if (lines.length < 2 || evaluations) return panel;
  return { ...panel, unit: [lines[0]!.label, unit].filter(Boolean).join(', ') };
}

const notesOf = ({ note }: Panel, runs: RunData[]): string =>
  runs
    .flatMap(({ name, config }) => {
      const own = note?.(config);
      return own === undefined ? [] : `${name}: ${own}`;
    })
    .join('; ');

function linesOf(panel: Panel, runs: RunData[], axis: 'step' | 'seconds'): Drawn[] {
  return runs.flatMap((run, i): Drawn[] => {
    const { curves, evaluations, name } = run;
    const seconds = curves.columns.seconds;
    const x = axis === 'step' ? curves.steps : curves.steps.map((_, at) => seconds?.[at] ?? at);
    // One line per run; on the chart of accuracy that is held-out accuracy.
    if (panel.evaluations && evaluations.length > 0) {
      const points = evaluationPoints(evaluations, drawing(i).color, name);
      const along = axis === 'step' ? points.x : evaluations.map((one) => one.seconds);
      return branches({ ...points, ...drawing(i), x: along }, points.x, run);
    }
    const values = panel.lines[0]!.values(curves);
    return values?.some((one) => one !== null)
      ? branches({ label: name, x, values, ...drawing(i), smoothOnly: true }, curves.steps, run)
      : [];
  });
}
