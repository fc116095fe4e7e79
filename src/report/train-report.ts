/** What a person sees of a run: how it begins, goes and ends. */
import colors from 'picocolors';
import type { TrainCallbacks, TrainPlan, TrainSummary } from '../grpo/events.js';
import type { Evaluation } from '../grpo/evaluate.js';
import type { JudgedCompletion } from '../grpo/events.js';
import type { Metrics } from '../run/metrics.js';
import { completionsTable } from './completions.js';
import { opening } from './opening.js';
import { ending } from './ending.js';
import { LiveBlock, type Output } from './live.js';
import { bar, sparkline } from './sparkline.js';
import { duration, number, percent } from './text.js';

/** Tables of completions in a run, beside the first step's. */
const TABLES = 5;
/** Steps that a reward is averaged over: a single one jumps with its few prompts. */
const WINDOW = 20;
/** Lines of steps where there is no terminal to draw in. */
const LINES = 50;

export class TrainReport implements TrainCallbacks {
  readonly #out: Output;
  readonly #live: LiveBlock | undefined;
  #plan: TrainPlan | undefined;
  #rewards: number[] = [];
  #stepTimes: number[] = [];
  #last: Metrics | undefined;
  #before: Evaluation | undefined;
  #latest: { step: number; evaluation: Evaluation } | undefined;
  #phase = '';
  #shown: { step: number; completions: JudgedCompletion[] } | undefined;
  readonly #began = performance.now();

  readonly #rows: number;

  /** @param options rows: completions of a prompt in a table; 0: no tables */
  constructor(out: Output, options: { rows: number } = { rows: 4 }) {
    this.#out = out;
    this.#rows = options.rows;
    if (out.isTTY) this.#live = new LiveBlock(out);
  }

  onPlan = (plan: TrainPlan): void => {
    this.#plan = plan;
    this.#print(opening(plan));
  };

  onPhase = (phase: string, step: number): void => {
    this.#phase = phase;
    if (this.#live && step <= 1) this.#draw();
  };

  onNotice = (text: string): void => this.#print(colors.yellow(text));

  onEvaluate = (step: number, evaluation: Evaluation): void => {
    if (step === 0) this.#before = evaluation;
    else this.#latest = { step, evaluation };
    if (!this.#live || step === 0) this.#print(`held-out at step ${step}: ${accuracy(evaluation)}`);
    this.#draw();
  };

  onCompletions = (step: number, completions: JudgedCompletion[]): void => {
    this.#shown = { step, completions };
  };

  onCheckpoint = (step: number): void => {
    if (!this.#live) this.#print(`checkpoint at step ${step}`);
  };

  onStep = (metrics: Metrics): void => {
    this.#last = metrics;
    if (metrics.reward !== undefined) this.#rewards.push(metrics.reward);
    this.#stepTimes.push(metrics.step_time ?? 0);
    const { steps, startStep } = this.#plan!;
    const every = (parts: number, least = 1) => Math.max(least, Math.round((steps - startStep) / parts));
    const taken = metrics.step - startStep;
    if (this.#shown && this.#rows > 0 && (taken === 1 || taken % every(TABLES, 10) === 0)) {
      this.#print(`${colors.dim(`completions at step ${metrics.step}`)}\n${this.#table()}`);
    }
    if (this.#live) this.#draw();
    else if (taken === 1 || metrics.step === steps || taken % every(LINES) === 0)
      this.#print(this.#line(metrics));
  };

  end(summary: TrainSummary): void {
    this.#live?.clear();
    this.#out.write(`${ending(summary, this.#plan!, this.#rewards)}\n`);
  }

  /** Leaves the terminal as it was; after an error. */
  close(): void {
    this.#live?.end();
  }

  #table(): string {
    return completionsTable(this.#shown!.completions, this.#out.columns ?? 100, {
      prompts: 2,
      rows: this.#rows,
    });
  }

  #print(text: string): void {
    if (this.#live) this.#live.print(text);
    else this.#out.write(`${text}\n`);
  }

  /** Seconds that the steps still to come will take, by the last twenty. */
  #eta(): number {
    const recent = this.#stepTimes.slice(-20);
    if (recent.length === 0) return NaN;
    const mean = recent.reduce((sum, value) => sum + value, 0) / recent.length;
    return mean * (this.#plan!.steps - (this.#last?.step ?? this.#plan!.startStep));
  }

  #line(metrics: Metrics): string {
    const { steps, beta } = this.#plan!;
    const fields = [
      `step ${String(metrics.step).padStart(String(steps).length)}/${steps}`,
      metrics.reward === undefined ? '' : `mean reward ${signed(mean(this.#rewards.slice(-WINDOW)))}`,
      metrics.reward === undefined ? `loss ${number(metrics.loss)}` : '',
      beta > 0 ? `kl ${number(metrics.kl)}` : '',
      `entropy ${number(metrics.entropy)}`,
      `length ${number(metrics['completions/mean_length'])}`,
      `grad ${number(metrics.grad_norm)}`,
      metrics.frac_reward_zero_std === undefined
        ? ''
        : `equal groups ${percent(metrics.frac_reward_zero_std, 0)}`,
      `${number(metrics.step_time)} s`,
      `left ${duration(this.#eta())}`,
    ];
    return fields.filter(Boolean).join('  ');
  }

  #draw(): void {
    if (!this.#live || !this.#plan) return;
    const { steps, startStep, beta } = this.#plan;
    const columns = Math.min(this.#out.columns ?? 80, 110);
    const step = this.#last?.step ?? startStep;
    const m = this.#last;
    const head = `step ${step}/${steps} `;
    const seconds = (performance.now() - this.#began) / 1000;
    const tail = ` ${percent(steps > 0 ? step / steps : 1, 0)}  ${duration(seconds)} gone, ${duration(this.#eta())} left`;
    const lines = [
      '',
      `${colors.bold(head)}${colors.cyan(bar(step, steps, Math.max(10, columns - head.length - tail.length - 2)))}${tail}`,
    ];
    if (m?.reward !== undefined)
      lines.push(
        `reward   ${colors.green(sparkline(this.#rewards, 40))} ${colors.bold(signed(mean(this.#rewards.slice(-WINDOW))))}` +
          colors.dim(
            `  mean of ${Math.min(WINDOW, this.#rewards.length)} steps, ${signed(mean(this.#rewards.slice(0, WINDOW)))} at the start`,
          ),
      );
    if (m)
      lines.push(
        [
          m.reward === undefined ? `loss ${number(m.loss)}` : '',
          beta > 0 ? `kl ${number(m.kl)}` : '',
          `entropy ${number(m.entropy)}`,
          `length ${number(m['completions/mean_length'])}`,
          `grad ${number(m.grad_norm)}`,
          m.frac_reward_zero_std === undefined ? '' : `equal groups ${percent(m.frac_reward_zero_std, 0)}`,
          `${number(m.step_time)} s/step`,
        ]
          .filter(Boolean)
          .join(colors.dim('  ·  ')),
      );
    else lines.push(colors.dim(this.#phase));
    const latest = this.#latest ?? (this.#before && { step: 0, evaluation: this.#before });
    if (latest)
      lines.push(
        `held-out ${accuracy(latest.evaluation)} at step ${latest.step}` +
          (this.#latest && this.#before ? colors.dim(`, ${percent(this.#before.accuracy)} before`) : ''),
      );
    this.#live.draw(lines);
  }
}

export function accuracy({ accuracy, low, high, correct, total }: Evaluation): string {
  return `${colors.bold(percent(accuracy))} [${percent(low)}, ${percent(high)}] (${correct} of ${total})`;
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}
