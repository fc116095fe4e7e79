/** Counts how many completions were right each time a problem was sampled (a visit). */
import type { CompletionRecord, OutcomeData } from './types.js';

export class Outcomes {
  readonly problems: OutcomeData['problems'] = [];
  readonly visits: number[] = [];
  readonly #indexOf = new Map<string, number>();
  /** Visits in the last step, by problem: a group's completions are on several lines of the file. */
  #open = new Map<number, number>();
  #step = 0;

  add({ step, prompt, answer, correct, count }: CompletionRecord): void {
    let problem = this.#indexOf.get(prompt);
    if (problem === undefined) {
      problem = this.problems.push({ prompt, answer }) - 1;
      this.#indexOf.set(prompt, problem);
    }
    if (step !== this.#step) this.#open = new Map();
    this.#step = step;
    let visit = this.#open.get(problem);
    if (visit === undefined) {
      visit = this.visits.push(step, problem, 0, 0) - 4;
      this.#open.set(problem, visit);
    }
    if (correct) this.visits[visit + 2]! += count;
    this.visits[visit + 3]! += count;
  }

  /** Index in `visits` where the last step's begin: more of its lines may follow. */
  lastStep(): number {
    let from = this.visits.length;
    while (from > 0 && this.visits[from - 4] === this.#step) from -= 4;
    return from;
  }

  data(version: number): OutcomeData {
    return { version, problems: [...this.problems], visits: [...this.visits] };
  }
}
