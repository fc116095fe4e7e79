/**
 * Isolates a run from its display: an error while displaying (a closed output, an unexpected text) turns the
 * display off and never ends the run.
 */
import type { TrainCallbacks, TrainSummary } from '../../run/events.js';
import type { Output } from './live.js';
import { TrainReport, type ReportOptions } from './train-report.js';

export interface DisplayOptions extends ReportOptions {
  out: Output;
  quiet: boolean;
  /** Called with the reason when the display is turned off. */
  complain?: (text: string) => void;
}

/** The callbacks of a run, all synchronous. */
type Shown = {
  [K in keyof Required<TrainCallbacks>]: (...args: Parameters<Required<TrainCallbacks>[K]>) => void;
};

export interface Display {
  callbacks: Shown;
  end(summary: TrainSummary): void;
  close(): void;
  /** Turns the display off. */
  off: (why: unknown) => void;
}

export function openDisplay(options: DisplayOptions): Display {
  const { out, quiet, complain = toStandardError } = options;
  let report = quiet ? undefined : new TrainReport(out, options);
  const off = (error: unknown) => {
    if (!report) return;
    report = undefined;
    complain(
      `the display is off, the run goes on: ${error instanceof Error ? error.message : String(error)}`,
    );
  };
  const shown =
    <A extends unknown[]>(show: (report: TrainReport, ...args: A) => void) =>
    (...args: A): void => {
      if (!report) return;
      try {
        show(report, ...args);
      } catch (error) {
        off(error);
      }
    };
  return {
    callbacks: {
      onPlan: shown((report, plan) => report.onPlan(plan)),
      onForecast: shown((report, forecast) => report.onForecast(forecast)),
      onStep: shown((report, metrics) => report.onStep(metrics)),
      onEvaluate: shown((report, step, evaluation) => report.onEvaluate(step, evaluation)),
      onValidate: shown((report, step, evaluation) => report.onValidate(step, evaluation)),
      onCompletions: shown((report, step, completions) => report.onCompletions(step, completions)),
      onDiagnosis: shown((report, event) => report.onDiagnosis(event)),
      onCheckpoint: shown((report, step) => report.onCheckpoint(step)),
      onPhase: shown((report, phase, step) => report.onPhase(phase, step)),
      onNotice: shown((report, text) => report.onNotice(text)),
    },
    end: shown((report, summary) => report.end(summary)),
    close: shown((report) => report.close()),
    off,
  };
}

function toStandardError(text: string): void {
  try {
    process.stderr.write(`${text}\n`);
  } catch {
    // Standard error is closed as well: there is no way to report it.
  }
}
