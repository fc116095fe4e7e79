/** What was sampled for: the step's problems by their pass@1, and a table of the problems. */
import type { OutcomeData, RunData } from '../server/types.js';
import { Chart, type Drawn } from './chart.js';
import { el, fill, section } from './dom.js';
import { count, percent } from './format.js';
import type { Panel } from './panels.js';
import {
  kindShares,
  sampledProblems,
  sorted,
  type Bounds,
  type PassKind,
  type SampledProblem,
  type SortKey,
} from './problem-sampling.js';
import type { Chosen } from './state.js';

/** Rows of the table at first, and how many more are shown each time. */
const FEW = 12;
const MORE = 200;

const COLUMNS: { key: SortKey; title: string }[] = [
  { key: 'times', title: 'times sampled' },
  { key: 'last', title: 'last step' },
  { key: 'before', title: 'pass@1 at first' },
  { key: 'after', title: 'pass@1 at last' },
];

/** From the bottom up, in the colours of the map of problems. */
const LINES: { kind: PassKind; label: string; color: string }[] = [
  { kind: 'solved', label: 'solved: at least 90%', color: 'right' },
  { kind: 'between', label: 'between', color: 'mixed' },
  { kind: 'unknown', label: 'can’t be told', color: 'unseen' },
  { kind: 'unsolved', label: 'unsolved: at most 10%', color: 'wrong' },
];

const PANEL: Panel = {
  title: 'Problems of a step by pass@1',
  metrics: [],
  lines: [],
  range: [0, 1],
  stacked: true,
  format: (value) => percent(value, 0),
};

export class SampledProblems {
  readonly element: HTMLElement;
  readonly #about = el('p', {});
  readonly #chart: Chart;
  readonly #headers: { key: SortKey; cell: HTMLElement }[];
  readonly #body: HTMLElement;
  readonly #more = el('button', { type: 'button', onclick: () => this.#showMore() });
  readonly #onOpen: (step: number, prompt: string) => void;
  #problems: SampledProblem[] = [];
  #key: SortKey = 'times';
  #descending = true;
  #rows = FEW;

  constructor(chosen: Chosen, onOpen: (step: number, prompt: string) => void) {
    this.#onOpen = onOpen;
    this.#chart = new Chart(PANEL, chosen);
    this.#headers = COLUMNS.map(({ key, title }) => ({
      key,
      cell: el(
        'th',
        { scope: 'col' },
        el('button', { type: 'button', class: 'link', onclick: () => this.#sortBy(key) }, title),
      ),
    }));
    // (When focus leaves a row, it is nowhere for a moment.)
    this.#body = el('tbody', {
      onmouseleave: () => this.#refresh(),
      onfocusout: () => setTimeout(() => this.#refresh()),
    });
    const head = ['problem', 'expects'].map((title) => el('th', { scope: 'col' }, title));
    this.element = section(
      'sampled',
      'What was sampled for',
      this.#about,
      el('div', { class: 'charts' }, this.#chart.element),
      el(
        'div',
        { class: 'scroll', tabindex: 0 },
        el(
          'table',
          { class: 'numbers' },
          el('thead', {}, el('tr', {}, ...head, ...this.#headers.map(({ cell }) => cell))),
          this.#body,
        ),
      ),
      this.#more,
    );
  }

  show(data: OutcomeData, run: RunData): void {
    this.#problems = sampledProblems(data);
    this.element.hidden = this.#problems.length === 0;
    if (this.#problems.length === 0) return;
    const known = this.#problems.some(({ before, after }) => isKnown(before) || isKnown(after));
    fill(this.#about, aboutText(this.#problems, run, known));
    this.#chart.show(known ? drawnShares(data) : [], []);
    this.#refresh();
  }

  /** Rows stay where they are while somebody reads or uses them. */
  #refresh(): void {
    if (!this.#body.matches(':hover, :focus-within')) this.#fillTable();
  }

  #sortBy(key: SortKey): void {
    this.#descending = this.#key === key ? !this.#descending : true;
    this.#key = key;
    this.#fillTable();
  }

  #showMore(): void {
    this.#rows += MORE;
    this.#fillTable();
  }

  #fillTable(): void {
    for (const { key, cell } of this.#headers) {
      if (key === this.#key) cell.setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    }
    const rows = sorted(this.#problems, this.#key, this.#descending);
    fill(this.#body, ...rows.slice(0, this.#rows).map((problem) => this.#row(problem)));
    const left = rows.length - this.#rows;
    this.#more.hidden = left <= 0;
    fill(this.#more, `show ${count(Math.min(MORE, left))} more of ${count(rows.length)}`);
  }

  #row({ prompt, answer, times, last, before, after }: SampledProblem): HTMLElement {
    const open = () => this.#onOpen(last, prompt);
    return el(
      'tr',
      {},
      el(
        'th',
        { scope: 'row' },
        el(
          'button',
          { type: 'button', class: 'link', title: 'its completions at its last step', onclick: open },
          el('code', {}, prompt),
        ),
      ),
      ...[answer, count(times), count(last), boundsText(before), boundsText(after)].map((text) =>
        el('td', {}, text),
      ),
    );
  }
}

const HOW: Record<string, string> = {
  uniform: 'takes each problem once an epoch',
  posterior: 'draws problems, the likelier the more they can teach',
  dynamic:
    'takes further problems where rewards are equal; groups that made room for others are not recorded',
};

function aboutText(problems: readonly SampledProblem[], { config, curves }: RunData, known: boolean): string {
  const how = config.problem_sampling;
  const times = problems.map((problem) => problem.times).sort((a, b) => a - b);
  const seen = curves.columns.frac_problems_seen?.findLast((value) => value !== null);
  const [least, median, most] = [times[0]!, times[(times.length - 1) >> 1]!, times.at(-1)!];
  return [
    ...(typeof how === 'string' && HOW[how] ? [`problem_sampling ${how} ${HOW[how]}.`] : []),
    `These are groups of ${count(problems.length)} problems,`,
    least === most ? `${most} of each.` : `${least} to ${most} of each (median ${median}).`,
    ...(seen === undefined ? [] : [`Of all problems ${percent(seen)} were sampled for at least once.`]),
    known
      ? 'Pass@1, the probability of a right answer, lies between the bounds that a group’s distinct completions show.'
      : 'This run has not recorded the log-probs that bounds of pass@1 are made of.',
  ].join(' ');
}

function drawnShares(data: OutcomeData): Drawn[] {
  const { steps, columns } = kindShares(data);
  return LINES.flatMap(({ kind, label, color }) => {
    const values = columns[kind]!;
    return values.some((value) => value !== null && value > 0) ? [{ label, x: steps, values, color }] : [];
  });
}

const isKnown = ({ low, high }: Bounds): boolean => low > 0 || high < 1;

function boundsText(bounds: Bounds): string {
  if (!isKnown(bounds)) return '-';
  const [low, high] = [percent(bounds.low, 0), percent(bounds.high, 0)];
  return low === high ? low : `${low.slice(0, -1)} to ${high}`;
}
