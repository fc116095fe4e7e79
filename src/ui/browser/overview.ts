/** The top of the page: the verdict, the main figures, and the diagnoses. */
import { byLevel, type Diagnosed } from '../../run/diagnosis/events.js';
import type { RunData } from '../server/types.js';
import { verdictOf } from '../server/verdict.js';
import { el, section } from './dom.js';
import { forkNote } from './fork.js';
import { count, duration, number, percent } from './format.js';
import type { Chosen } from './state.js';

export function overview(run: RunData): HTMLElement {
  const { kind, text, because } = verdictOf(run);
  const { evaluations, curves } = run;
  const first = evaluations[0];
  const last = evaluations.at(-1);
  const tiles = [
    last &&
      tile(
        'held-out accuracy',
        percent(last.accuracy),
        `95%: ${percent(last.low)} to ${percent(last.high)}` +
          (first && first !== last ? `; ${percent(first.accuracy)} at step ${first.step}` : ''),
      ),
    bestTile(run),
    ...tailTile(curves.columns.reward, 'training reward', number),
    ...tailTile(curves.columns.accuracy, 'training accuracy', percent),
    ...tailTile(curves.columns.kl, 'KL to the reference', number),
    tile('steps', count(run.steps), stateText(run)),
    tile('time', duration(run.seconds), run.steps > 0 ? `${duration(run.seconds / run.steps)} a step` : ''),
  ];
  return el(
    'section',
    { id: 'overview', 'aria-label': 'Overview' },
    el(
      'p',
      { class: `verdict ${kind}`, role: 'status' },
      el('strong', {}, `${{ good: '✓', unsure: '?', bad: '✗' }[kind]} ${text}.`),
      ` ${capital(because)}.`,
    ),
    forkNote(run),
    el('dl', { class: 'tiles' }, ...tiles),
  );
}

const tile = (name: string, value: string, more: string) =>
  el('div', {}, el('dt', {}, name), el('dd', {}, el('b', {}, value), el('small', {}, more)));

/** What chose the best weights, and the held-out figure that tells; before the run's end, the last validation. */
function bestTile({ summary, validations }: RunData): HTMLElement | undefined {
  const best = summary?.best as
    { step: number; metric: string; validation: Judged; held_out?: Judged } | undefined;
  const last = validations.at(-1);
  if (best)
    return tile(
      `validation ${best.metric}`,
      best.metric === 'accuracy' ? percent(best.validation.accuracy) : number(best.validation.reward),
      `chose step ${best.step}` +
        (best.held_out ? `; held-out accuracy there ${percent(best.held_out.accuracy)}, which tells` : ''),
    );
  return (
    last &&
    tile(
      'validation accuracy',
      percent(last.accuracy),
      'by which the best weights are chosen; held-out tells',
    )
  );
}

interface Judged {
  accuracy: number;
  reward: number;
}

/** A tile with the mean over the last tenth of the points, beside that over the first tenth. */
function tailTile(
  values: readonly (number | null)[] | undefined,
  name: string,
  format: (value: number) => string,
): HTMLElement[] {
  const known = (values ?? []).filter((value) => value !== null);
  if (known.length === 0) return [];
  const tenth = Math.max(1, Math.floor(known.length / 10));
  const mean = (part: number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
  const more = known.length > 1 ? `last tenth; ${format(mean(known.slice(0, tenth)))} in the first` : '';
  return [tile(name, format(mean(known.slice(-tenth))), more)];
}

function stateText({ summary, steps, plannedSteps, seconds, curves }: RunData): string {
  if (summary?.interrupted === true) return `of ${count(plannedSteps)}, interrupted`;
  const early = summary?.early_end as { reason: string } | undefined;
  if (early) return `of ${count(plannedSteps)}: ended, since ${early.reason}`;
  if (summary) return 'ended';
  const times = (curves.columns.step_time ?? []).filter((value) => value !== null).slice(-20);
  const mean =
    times.length > 0 ? times.reduce((sum, value) => sum + value, 0) / times.length : seconds / steps;
  return `of ${count(plannedSteps)}, ${duration(mean * (plannedSteps - steps))} of steps left`;
}

const ICONS = { bad: '✗', warning: '▲', note: '●' } as const;

export function diagnosisList(diagnoses: readonly Diagnosed[], chosen: Chosen): HTMLElement {
  const sorted = [...diagnoses].sort(byLevel);
  const over = sorted.filter(({ ended }) => ended !== undefined);
  const now = sorted.filter(({ ended }) => ended === undefined);
  const list = (some: Diagnosed[]) =>
    el('ul', { class: 'diagnoses' }, ...some.map((one, i) => diagnosisItem(one, chosen, i === 0)));
  return section(
    'diagnosis',
    'What was noticed',
    sorted.length === 0 && el('p', { class: 'note' }, 'Nothing that would keep it from learning.'),
    now.length > 0 && list(now),
    over.length > 0 &&
      el(
        'details',
        { class: 'over', open: now.length === 0 },
        el('summary', {}, `${over.length} that ended`),
        list(over),
      ),
  );
}

function diagnosisItem(
  { title, level, evidence, remedies, began, ended }: Diagnosed,
  chosen: Chosen,
  first: boolean,
): HTMLElement {
  const see = () => {
    chosen.choose(began);
    document.querySelector('#completions')?.scrollIntoView();
  };
  return el(
    'li',
    { class: level },
    el('span', { class: 'level' }, `${ICONS[level]} ${level}`),
    el(
      'div',
      {},
      el('strong', {}, capital(title)),
      ended === undefined ? ` from step ${began} on: ` : ` from step ${began} to ${ended}: `,
      el('button', { type: 'button', class: 'link', onclick: see }, 'its completions then'),
      el('p', {}, `${capital(evidence)}.`),
      el(
        'details',
        { open: first && ended === undefined },
        el('summary', {}, 'What to try'),
        el('ul', {}, ...remedies.map((remedy) => el('li', {}, remedy))),
      ),
    ),
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
