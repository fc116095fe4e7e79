/** Checks the rules after each step, and reports when a diagnosis begins, worsens or ends. */
import type { Metrics } from '../../grpo/metrics.js';
import type { Diagnosed, DiagnosisEvent, Level } from './events.js';
import type { History, Rule, RunFacts } from './rule.js';
import { RULES } from './rules/index.js';

const SEVERITY: Record<Level, number> = { note: 0, warning: 1, bad: 2 };

/** The state of one rule. */
interface State {
  rule: Rule;
  /** The rule's diagnosis while it lasts. */
  active: Diagnosed | undefined;
  /** Last step at which the rule found a sign. */
  seen: number;
}

export class Diagnosis {
  readonly #facts: RunFacts;
  readonly #states: State[];
  readonly #steps: Metrics[] = [];
  readonly #evaluations: Metrics[] = [];
  readonly #told: Diagnosed[] = [];

  constructor(facts: RunFacts, rules: readonly Rule[] = RULES) {
    this.#facts = facts;
    this.#states = rules.map((rule) => ({ rule, active: undefined, seen: 0 }));
  }

  /**
   * Adds the metrics of a step and checks all rules.
   * @param row metrics of a step, or of the evaluation before the first one
   */
  add(row: Metrics): DiagnosisEvent[] {
    // A copy is kept: callers may still change theirs.
    const copy = { ...row };
    if (copy['eval/accuracy'] !== undefined) this.#evaluations.push(copy);
    if (copy.step === 0) return [];
    this.#steps.push(copy);
    return this.#states.flatMap((state) => this.#check(state, copy.step));
  }

  /** All diagnoses of the run so far, in the order in which they began. */
  get told(): readonly Diagnosed[] {
    return this.#told;
  }

  /** Checks one rule after a step. */
  #check(state: State, step: number): DiagnosisEvent[] {
    const { rule, active } = state;
    const history: History = { steps: this.#steps, evaluations: this.#evaluations };
    const sign = this.#steps.length < rule.window ? undefined : rule.check(history, this.#facts);
    if (!sign) {
      // It ends after a whole window without a sign: a value that swings around a threshold is one diagnosis.
      if (!active || step - state.seen < rule.window) return [];
      active.ended = step;
      state.active = undefined;
      return [eventOf(active, step, 'ends')];
    }
    state.seen = step;
    if (!active) {
      const { name, title, metric, remedies } = rule;
      const begun: Diagnosed = {
        diagnosis: name,
        title,
        metric,
        ...sign,
        remedies: typeof remedies === 'function' ? remedies(this.#facts) : remedies,
        began: step,
        ended: undefined,
      };
      state.active = begun;
      this.#told.push(begun);
      return [eventOf(begun, step, 'begins')];
    }
    const worse = SEVERITY[sign.level] > SEVERITY[active.level];
    // The summary has the evidence of its worst level.
    if (worse || sign.level === active.level) Object.assign(active, sign);
    return worse ? [eventOf(active, step, 'worsens')] : [];
  }
}

function eventOf(one: Diagnosed, step: number, event: DiagnosisEvent['event']): DiagnosisEvent {
  const { diagnosis, title, level, evidence, remedies, metric } = one;
  return { step, diagnosis, title, event, level, evidence, remedies, metric };
}
