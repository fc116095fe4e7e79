/** The page of one run, in a file or served while the run goes on. */
import { Curves } from '../server/curves.js';
import { VISIT, type OutcomeData, type RunData, type Update } from '../server/types.js';
import { Chart, evaluationPoints, type Drawn } from './chart.js';
import { Completions } from './completions.js';
import { costs, costBars, setup } from './details.js';
import { el, fill, section, type Child } from './dom.js';
import { branches } from './fork.js';
import { ProblemMap } from './map.js';
import { SampledProblems } from './sampled.js';
import { diagnosisList, overview } from './overview.js';
import { morePanels, PANELS, TIME, type Panel } from './panels.js';
import type { Source } from './source.js';
import { Chosen } from './state.js';

export class RunPage {
  readonly #source: Source;
  readonly #chosen = new Chosen();
  readonly #charts = new Map<string, Chart>();
  readonly #map: ProblemMap;
  readonly #sampled: SampledProblems;
  readonly #completions: Completions;
  #run: RunData;
  #curves: Curves;
  #outcomes: OutcomeData | undefined;
  /** Updates that arrive while the outcomes are loading. */
  readonly #pendingUpdates: Update[] = [];
  /** Parts of the page that are rebuilt after an update. */
  readonly #rebuilt: { make: () => HTMLElement; element: HTMLElement }[];
  readonly #more = el(
    'details',
    { ontoggle: () => this.#drawCharts() },
    el('summary', {}),
    el('div', { class: 'charts' }),
  );
  #scheduled = false;

  constructor(run: RunData, source: Source) {
    this.#run = run;
    this.#source = source;
    this.#curves = Curves.from(run.curves);
    const open = (step: number, prompt: string) => this.#completions.open(step, prompt);
    this.#map = new ProblemMap(this.#chosen, open);
    this.#sampled = new SampledProblems(this.#chosen, open);
    this.#completions = new Completions(this.#chosen, (step) => source.completions(step));
    this.#rebuilt = [
      () => overview(this.#run),
      () => diagnosisList(this.#run.diagnoses, this.#chosen),
      () => costBars(this.#run),
    ].map((make) => ({ make, element: make() }));
  }

  /** All parts of the page in order. The outcomes are loaded after it is shown. */
  parts(): Child[] {
    const [shown, noticed, bars] = this.#rebuilt.map(({ element }) => element);
    const parts = [
      shown,
      noticed,
      section('curves', 'Curves', this.#grid(PANELS), this.#more),
      this.#map.element,
      this.#sampled.element,
      this.#completions.element,
      costs(bars!, this.#grid(TIME)),
      setup(this.#run),
    ];
    this.#drawCharts();
    this.#completions.setSteps(this.#run.completionSteps, this.#source.about?.thinned);
    void this.#loadOutcomes();
    return parts;
  }

  /** Applies an update; one that is already contained is ignored. */
  update(update: Update): void {
    if (update.version <= this.#run.version) return;
    for (const row of update.rows) this.#curves.add(row);
    const { evaluations, validations, completionSteps } = this.#run;
    const { version, diagnoses, summary, steps, plannedSteps, seconds } = update;
    Object.assign(this.#run, {
      version,
      diagnoses,
      summary,
      steps,
      plannedSteps,
      seconds,
      evaluations: [...evaluations, ...update.evaluations],
      validations: [...validations, ...update.validations],
      completionSteps: [...completionSteps, ...update.completionSteps],
    });
    this.#addOutcomes(update);
    this.#schedule();
  }

  #addOutcomes({ version, problems, visits }: Update): void {
    const known = this.#outcomes;
    if (version <= (known?.version ?? 0)) return;
    if (!known) {
      this.#pendingUpdates.push({ version, problems, visits } as Update);
      return;
    }
    known.version = version;
    known.problems.push(...problems);
    // The known visits of the last step may have been incomplete: they are replaced.
    let end = known.visits.length;
    while (end > 0 && visits.length > 0 && known.visits[end - VISIT]! >= visits[0]!) end -= VISIT;
    known.visits.length = end;
    for (const number of visits) known.visits.push(number);
  }

  async #loadOutcomes(): Promise<void> {
    try {
      this.#outcomes = await this.#source.outcomes();
    } catch {
      // The server is gone; the page is loaded again when it is back.
      return;
    }
    for (const update of this.#pendingUpdates.splice(0)) this.#addOutcomes(update);
    this.#showOutcomes();
  }

  #showOutcomes(): void {
    if (!this.#outcomes) return;
    this.#map.show(this.#outcomes, this.#run.steps);
    this.#sampled.show(this.#outcomes, this.#run);
  }

  /** Redraws at most once per frame, since steps may come faster than that. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#run.curves = this.#curves.data();
      for (const part of this.#rebuilt) replace(part);
      this.#drawCharts();
      this.#showOutcomes();
      this.#completions.setSteps(this.#run.completionSteps);
    });
  }

  #grid(panels: Panel[]): HTMLElement {
    return el(
      'div',
      { class: 'charts' },
      ...panels.map((panel) => {
        const chart = new Chart(panel, this.#chosen);
        this.#charts.set(panel.title, chart);
        return chart.element;
      }),
    );
  }

  #drawCharts(): void {
    this.#addMore();
    const open = this.#more.open ? morePanels([this.#run]) : [];
    for (const panel of [...PANELS, ...open, ...TIME])
      this.#charts
        .get(panel.title)
        ?.show(linesOf(panel, this.#run), this.#run.diagnoses, 'step', panel.note?.(this.#run.config) ?? '');
  }

  /** Charts of further metrics, which are made when the reader opens them. */
  #addMore(): void {
    const panels = morePanels([this.#run]);
    const [summary, grid] = this.#more.children;
    this.#more.hidden = panels.length === 0;
    fill(summary!, `${panels.length} more curves`);
    if (!this.#more.open) return;
    for (const panel of panels)
      if (!this.#charts.has(panel.title)) grid!.append(...this.#grid([panel]).children);
  }
}

/** Replaces a part only if its text changed, so that what the reader opened or focused in it stays so. */
function replace(part: { make: () => HTMLElement; element: HTMLElement }): void {
  const fresh = part.make();
  if (part.element.textContent === fresh.textContent) return;
  part.element.replaceWith(fresh);
  part.element = fresh;
}

function linesOf({ lines, evaluations }: Panel, run: RunData): Drawn[] {
  const drawn = lines.flatMap(({ label, values, bound }, i): Drawn[] => {
    const own = values(run.curves);
    if (!own?.some((value) => value !== null)) return [];
    const { steps } = run.curves;
    const looks = bound ? { bound, color: 1, smoothOnly: true } : { color: i + 1 };
    return branches({ label, x: steps, values: own, ...looks }, steps, run);
  });
  if (!evaluations) return drawn;
  const points = [
    ...(run.evaluations.length > 0 ? [evaluationPoints(run.evaluations, 2)] : []),
    ...(run.validations.length > 0 ? [evaluationPoints(run.validations, 3, 'validation')] : []),
  ];
  return [...drawn, ...points.flatMap((line) => branches(line, line.x, run))];
}
