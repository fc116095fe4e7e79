/** The page of one run, in a file or served while the run goes on. */
import { Curves } from '../pages/curves.js';
import type { OutcomeData, RunData, Update } from '../pages/types.js';
import { Chart, evaluationPoints, type Drawn } from './chart.js';
import { Completions } from './completions.js';
import { costs, setup } from './details.js';
import { el, section, type Child } from './dom.js';
import { ProblemMap } from './map.js';
import { diagnosisList, overview } from './overview.js';
import { panelsOf, TIME, type Panel } from './panels.js';
import type { Source } from './source.js';
import { Chosen } from './state.js';

export class RunPage {
  readonly #source: Source;
  readonly #chosen = new Chosen();
  readonly #charts = new Map<string, Chart>();
  readonly #map: ProblemMap;
  readonly #completions: Completions;
  #run: RunData;
  #curves: Curves;
  #outcomes: OutcomeData | undefined;
  /** Parts that are made anew when something is new. */
  #overview: HTMLElement;
  #diagnosis: HTMLElement;
  #setup: HTMLElement;
  #scheduled = false;

  constructor(run: RunData, source: Source) {
    this.#run = run;
    this.#source = source;
    this.#curves = Curves.from(run.curves);
    this.#map = new ProblemMap(this.#chosen, (step, prompt) => this.#completions.open(step, prompt));
    this.#completions = new Completions(this.#chosen, (step) => source.completions(step));
    this.#overview = overview(run);
    this.#diagnosis = diagnosisList(run.diagnoses, this.#chosen);
    this.#setup = setup(run);
  }

  /** Everything, in order; what is slow comes after it is on the screen. */
  parts(): Child[] {
    const { main, more } = panelsOf([this.#run]);
    const parts = [
      this.#overview,
      this.#diagnosis,
      section('curves', 'Curves', this.#grid(main), more.length > 0 && this.#more(more)),
      this.#map.element,
      this.#completions.element,
      costs(this.#run, this.#grid(TIME)),
      this.#setup,
    ];
    this.#drawCharts();
    this.#completions.setSteps(this.#run.completionSteps, this.#source.about?.thinned);
    void this.#loadOutcomes();
    return parts;
  }

  /** Told again of something that is known, does nothing. */
  update(update: Update): void {
    if (update.version <= this.#run.version) return;
    for (const row of update.rows) this.#curves.add(row);
    const { evaluations, completionSteps } = this.#run;
    const { version, diagnoses, summary, steps, plannedSteps, seconds } = update;
    Object.assign(this.#run, {
      version,
      diagnoses,
      summary,
      steps,
      plannedSteps,
      seconds,
      evaluations: [...evaluations, ...update.evaluations],
      completionSteps: [...completionSteps, ...update.completionSteps],
    });
    this.#addOutcomes(update);
    this.#schedule();
  }

  #addOutcomes({ version, problems, visits }: Update): void {
    const known = this.#outcomes;
    if (!known || version <= known.version) return;
    known.version = version;
    known.problems.push(...problems);
    // The last step may have been there in part.
    let end = known.visits.length;
    while (end > 0 && visits.length > 0 && known.visits[end - 4]! >= visits[0]!) end -= 4;
    known.visits.length = end;
    for (const number of visits) known.visits.push(number);
  }

  async #loadOutcomes(): Promise<void> {
    try {
      this.#outcomes = await this.#source.outcomes();
    } catch {
      // The server is gone: it is asked again when it is back.
      return;
    }
    this.#map.show(this.#outcomes, this.#run.steps);
  }

  /** Steps may come faster than a screen is drawn. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#run.curves = this.#curves.data();
      this.#replace('#overview', overview(this.#run));
      this.#replace('#diagnosis', diagnosisList(this.#run.diagnoses, this.#chosen));
      this.#drawCharts();
      if (this.#outcomes) this.#map.show(this.#outcomes, this.#run.steps);
      this.#completions.setSteps(this.#run.completionSteps);
    });
  }

  /** Leaves alone what says the same: a reader may have opened a part of it, or stand on it. */
  #replace(which: '#overview' | '#diagnosis', fresh: HTMLElement): void {
    const old = which === '#overview' ? this.#overview : this.#diagnosis;
    if (old.textContent === fresh.textContent) return;
    old.replaceWith(fresh);
    if (which === '#overview') this.#overview = fresh;
    else this.#diagnosis = fresh;
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

  /** Drawn when it is opened. */
  #more(panels: Panel[]): HTMLElement {
    let grid: HTMLElement | undefined;
    const details = el(
      'details',
      {
        ontoggle: () => {
          if (grid) return;
          details.append((grid = this.#grid(panels)));
          this.#drawCharts();
        },
      },
      el('summary', {}, `${panels.length} more curves`),
    );
    return details;
  }

  #drawCharts(): void {
    const { main, more } = panelsOf([this.#run]);
    for (const panel of [...main, ...more, ...TIME])
      this.#charts.get(panel.title)?.show(linesOf(panel, this.#run), this.#run.diagnoses);
  }
}

function linesOf({ lines, evaluations }: Panel, run: RunData): Drawn[] {
  const drawn = lines.flatMap(({ label, values }, i): Drawn[] => {
    const own = values(run.curves);
    return own?.some((value) => value !== null)
      ? [{ label, x: run.curves.steps, values: own, color: i + 1 }]
      : [];
  });
  return evaluations && run.evaluations.length > 0 ? [...drawn, evaluationPoints(run.evaluations, 2)] : drawn;
}
