/**
 * What each visit of a problem showed, a visit being a step that sampled for it: how many completions were right,
 * and between which bounds the policy's pass@1 lay.
 */
import { VISIT, type CompletionRecord, type OutcomeData } from './types.js';

/** A visit of the last step: a group's completions are on several lines of the file. */
interface OpenVisit {
  /** Index in `visits`. */
  at: number;
  /** Distinct completions so far. */
  seen: Set<string>;
  /** Sum of their probabilities, and of those that are right; NaN where a probability is not recorded. */
  coverage: number;
  right: number;
}

export class Outcomes {
  readonly problems: OutcomeData['problems'] = [];
  readonly visits: number[] = [];
  readonly #indexOf = new Map<string, number>();
  /** By problem. */
  #open = new Map<number, OpenVisit>();
  #step = 0;

  add(record: CompletionRecord): void {
    const { step, prompt, answer, correct, count } = record;
    let problem = this.#indexOf.get(prompt);
    if (problem === undefined) {
      problem = this.problems.push({ prompt, answer }) - 1;
      this.#indexOf.set(prompt, problem);
    }
    if (step !== this.#step) this.#open = new Map();
    this.#step = step;
    let visit = this.#open.get(problem);
    if (visit === undefined) {
      const at = this.visits.push(step, problem, 0, 0, 0, 1) - VISIT;
      visit = { at, seen: new Set(), coverage: 0, right: 0 };
      this.#open.set(problem, visit);
    }
    if (correct) this.visits[visit.at + 2]! += count;
    this.visits[visit.at + 3]! += count;
    this.#bound(visit, record);
  }

  /** Bounds of pass@1, as docs/metrics.md defines them, from log-probs that the file has to two decimals. */
  #bound(visit: OpenVisit, { ids, completion, logps, correct }: CompletionRecord): void {
    const key = ids ? ids.join() : completion;
    if (visit.seen.has(key)) return;
    visit.seen.add(key);
    // (What is not a number is null in the file.)
    const known = logps?.every((logp) => typeof logp === 'number') ?? false;
    const probability = known ? Math.exp(logps!.reduce((sum, logp) => sum + logp, 0)) : NaN;
    visit.coverage += probability;
    if (correct) visit.right += probability;
    const coverage = Math.min(1, visit.coverage);
    const low = Math.min(visit.right, coverage);
    const unknown = Number.isNaN(coverage);
    this.visits[visit.at + 4] = unknown ? 0 : threeDecimals(low);
    this.visits[visit.at + 5] = unknown ? 1 : threeDecimals(low + 1 - coverage);
  }

  /** Index in `visits` where the last step's begin: more of its lines may follow. */
  lastStep(): number {
    let from = this.visits.length;
    while (from > 0 && this.visits[from - VISIT] === this.#step) from -= VISIT;
    return from;
  }

  data(version: number): OutcomeData {
    return { version, problems: [...this.problems], visits: [...this.visits] };
  }
}

const threeDecimals = (value: number): number => Math.round(1000 * value) / 1000;
