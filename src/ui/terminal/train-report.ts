/** Displays a run in the terminal, or as lines in a file: its beginning, its steps and its end. */
import colors from 'picocolors';
import type { DiagnosisEvent } from '../../run/diagnosis/events.js';
import type { Evaluation } from '../../run/evaluate.js';
import type { JudgedCompletion, TrainCallbacks, TrainPlan, TrainSummary } from '../../run/events.js';
import type { Metrics } from '../../grpo/metrics.js';
import { bestAndWorst, completionsTable, type ShownGroup } from './completions.js';
import { ending } from './ending.js';
import { columnsOf, fitted, LiveBlock, type Output } from './live.js';
import { levelColor, liveLines, meanOf, signed, WINDOW, type LiveState } from './live-view.js';
import type { Forecast } from '../../run/events.js';
import { forecastText } from './forecast.js';
import { opening } from './opening.js';
import { duration, number, percent } from '../../common/format.js';

/** Default number of tables of completions in a run, beside that of the first step. */
const TABLES = 5;
/** Lines of steps in a run, if the output is no terminal. */
const LINES = 50;
/** Least milliseconds between two redraws. */
const PAUSE = 60;

export interface ReportOptions {
  /** Rows per group in a table of completions; 0: no tables. */
  rows: number;
  /** Steps between tables; null: `TABLES` in a run; 0: none. */
  every: number | null;
}

export class TrainReport implements TrainCallbacks {
  readonly #out: Output;
  readonly #options: ReportOptions;
  readonly #live: LiveBlock | undefined;
  readonly #began = performance.now();
  #plan: TrainPlan | undefined;
  readonly #rewards: number[] = [];
  readonly #stepTimes: number[] = [];
  readonly #evaluations: { step: number; evaluation: Evaluation }[] = [];
  readonly #validations: { step: number; evaluation: Evaluation }[] = [];
  readonly #active = new Map<string, DiagnosisEvent>();
  #last: Metrics | undefined;
  #phase = '';
  #shown: ShownGroup[] | undefined;
  #drawn = -Infinity;

  constructor(out: Output, options: ReportOptions = { rows: 4, every: null }) {
    this.#out = out;
    this.#options = options;
    if (out.isTTY) this.#live = new LiveBlock(out);
  }

  onPlan = (plan: TrainPlan): void => {
    this.#plan = plan;
    this.#print(opening(plan));
  };

  onForecast = (forecast: Forecast): void => this.#print(`${forecastText(forecast)}\n`);

  onPhase = (phase: string, step: number): void => {
    this.#phase = phase;
    if (step <= 1) this.#draw(true);
  };

  onNotice = (text: string): void => this.#print(colors.yellow(text));

  onEvaluate = (step: number, evaluation: Evaluation): void => {
    this.#evaluations.push({ step, evaluation });
    if (!this.#live || step === 0) this.#print(`held-out at step ${step}: ${accuracy(evaluation)}`);
    this.#draw(true);
  };

  onValidate = (step: number, evaluation: Evaluation): void => {
    this.#validations.push({ step, evaluation });
    if (!this.#live || step === 0) this.#print(`validation at step ${step}: ${accuracy(evaluation)}`);
    this.#draw(true);
  };

  onCompletions = (step: number, completions: JudgedCompletion[]): void => {
    const taken = step - this.#plan!.startStep;
    const { rows, every } = this.#options;
    const steps = every ?? this.#every(TABLES, 10);
    if (rows > 0 && steps > 0 && ((taken === 1 && every === null) || taken % steps === 0))
      this.#shown = bestAndWorst(completions);
  };

  onDiagnosis = (event: DiagnosisEvent): void => {
    if (event.event === 'ends') this.#active.delete(event.diagnosis);
    else this.#active.set(event.diagnosis, event);
    this.#print(diagnosisText(event));
  };

  onCheckpoint = (step: number): void => {
    if (!this.#live) this.#print(`checkpoint at step ${step}`);
  };

  onStep = (metrics: Metrics): void => {
    this.#last = metrics;
    if (metrics.reward !== undefined) this.#rewards.push(metrics.reward);
    this.#stepTimes.push(metrics.step_time ?? 0);
    const { steps, startStep } = this.#plan!;
    const taken = metrics.step - startStep;
    if (this.#shown) {
      const table = completionsTable(this.#shown, columnsOf(this.#out), this.#options.rows);
      this.#shown = undefined;
      this.#print(`${colors.dim(`completions at step ${metrics.step}`)}\n${table}`);
    }
    if (this.#live) this.#draw();
    else if (taken === 1 || metrics.step === steps || taken % this.#every(LINES) === 0)
      this.#print(this.#line(metrics));
  };

  end(summary: TrainSummary): void {
    this.#live?.clear();
    this.#out.write(`${fitted(ending(summary, this.#plan!, this.#rewards), this.#out)}\n`);
  }

  /** Restores the terminal after an error. */
  close(): void {
    this.#live?.end();
  }

  #every(parts: number, least = 1): number {
    const { steps, startStep } = this.#plan!;
    return Math.max(least, Math.round((steps - startStep) / parts));
  }

  #print(text: string): void {
    if (this.#live) this.#live.print(fitted(text, this.#out));
    else this.#out.write(`${text}\n`);
  }

  /** Estimate of the seconds left, from the last twenty steps. */
  #secondsLeft(): number {
    const recent = this.#stepTimes.slice(-20);
    if (recent.length === 0) return NaN;
    return meanOf(recent) * (this.#plan!.steps - (this.#last?.step ?? this.#plan!.startStep));
  }

  #line(metrics: Metrics): string {
    const { steps, beta } = this.#plan!;
    const fields = [
      `step ${String(metrics.step).padStart(String(steps).length)}/${steps}`,
      this.#plan!.kind === 'sft'
        ? `loss ${number(metrics.loss)}`
        : `mean reward ${signed(meanOf(this.#rewards.slice(-WINDOW)))}`,
      beta > 0 ? `kl ${number(metrics.kl)}` : '',
      `entropy ${number(metrics.entropy)}`,
      `length ${number(metrics['completions/mean_length'])}`,
      `grad ${number(metrics.grad_norm)}`,
      metrics.frac_reward_zero_std === undefined
        ? ''
        : `equal groups ${percent(metrics.frac_reward_zero_std, 0)}`,
      `${number(metrics.step_time)} s`,
      `left ${duration(this.#secondsLeft())}`,
    ];
    return fields.filter(Boolean).join('  ');
  }

  #draw(now = false): void {
    if (!this.#live || !this.#plan) return;
    if (this.#out.busy || (!now && performance.now() - this.#drawn < PAUSE)) return;
    this.#drawn = performance.now();
    const state: LiveState = {
      plan: this.#plan,
      last: this.#last,
      phase: this.#phase,
      rewards: this.#rewards,
      evaluations: this.#evaluations,
      validations: this.#validations,
      diagnoses: [...this.#active.values()],
      elapsed: (performance.now() - this.#began) / 1000,
      left: this.#secondsLeft(),
    };
    this.#live.draw(() => liveLines(state, columnsOf(this.#out)));
  }
}

export function accuracy({ accuracy, low, high, correct, total }: Evaluation): string {
  return `${colors.bold(percent(accuracy))} [${percent(low)}, ${percent(high)}] (${correct} of ${total})`;
}

function diagnosisText({ step, event, level, title, evidence, remedies }: DiagnosisEvent): string {
  if (event === 'ends') return colors.green(`step ${step}: ${title}: over`);
  const color = levelColor(level);
  return [
    `${color(`step ${step}: ${level === 'note' ? '' : `${level}: `}${title}`)}: ${evidence}`,
    ...(event === 'begins' ? [colors.dim(`  try: ${remedies.slice(0, 2).join('; or ')}`)] : []),
  ].join('\n');
}
