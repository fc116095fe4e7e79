/** Reads a run folder for its pages, then follows it while it grows. Never writes. */
import { open, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { parseJson } from '../../common/json.js';
import type { Diagnosed, DiagnosisEvent } from '../../run/diagnosis/events.js';
import type { Metrics } from '../../grpo/metrics.js';
import { forkOf, readRun } from '../../run/folder/read.js';
import { Curves } from './curves.js';
import { LineReader } from './line-reader.js';
import { Outcomes } from './outcomes.js';
import { chosenOptions, repeatCommand } from './repeat.js';
import type { CompletionRecord, EvaluationPoint, OutcomeData, RunData, Update } from './types.js';

/** Byte range of a step's lines in `completions.jsonl`. */
interface Place {
  offset: number;
  bytes: number;
}

export class RunReader {
  readonly path: string;
  #config: Record<string, unknown> = {};
  #env: Record<string, unknown> | null = null;
  #summary: Record<string, unknown> | null = null;
  #summaryText = '';
  #metrics: LineReader;
  #completions: LineReader;
  #curves = new Curves();
  #outcomes = new Outcomes();
  #evaluations: EvaluationPoint[] = [];
  #validations: EvaluationPoint[] = [];
  #diagnoses: Diagnosed[] = [];
  #places = new Map<number, Place>();
  /** Starts at the current time, so that after a restart of the server a page notices that it missed updates. */
  #version = Date.now();
  #steps = 0;
  #epoch = 0;
  #seconds = 0;

  private constructor(path: string) {
    this.path = path;
    this.#metrics = new LineReader(join(path, 'metrics.jsonl'));
    this.#completions = new LineReader(join(path, 'completions.jsonl'));
  }

  /** @throws {GrpoError} RUN_NOT_FOUND */
  static async open(folder: string): Promise<RunReader> {
    await readRun(folder);
    const reader = new RunReader(resolve(folder));
    await reader.#begin();
    return reader;
  }

  data(): RunData {
    const forkedFrom = forkOf(this.#env);
    return {
      name: basename(this.path),
      path: this.path,
      config: this.#config,
      chosen: chosenOptions(this.#config),
      env: this.#env,
      ...(forkedFrom && { forkedFrom }),
      command: repeatCommand(this.#config),
      curves: this.#curves.data(),
      evaluations: this.#evaluations,
      validations: this.#validations,
      completionSteps: [...this.#places.keys()],
      ...this.#state(),
    };
  }

  get version(): number {
    return this.#version;
  }

  outcomes(): OutcomeData {
    return this.#outcomes.data(this.#version);
  }

  /** All completions of a step; empty if none are stored. */
  async completions(step: number): Promise<CompletionRecord[]> {
    const place = this.#places.get(step);
    if (!place) return [];
    const file = await open(this.#completions.path, 'r');
    try {
      const buffer = Buffer.alloc(place.bytes);
      await file.read(buffer, 0, place.bytes, place.offset);
      return buffer
        .toString('utf8')
        .split('\n')
        .flatMap((line) => (parseJson(line) as CompletionRecord | undefined) ?? []);
    } finally {
      await file.close();
    }
  }

  /** Size of a step's completions in bytes. */
  bytesOf(step: number): number {
    return this.#places.get(step)?.bytes ?? 0;
  }

  /** What was added since the last call; null if nothing was, `reset` if the files were replaced and everything was read again. */
  async follow(): Promise<Update | 'reset' | null> {
    const before = {
      summary: this.#summaryText,
      problems: this.#outcomes.problems.length,
      visits: this.#outcomes.visits.length,
      lastStep: this.#outcomes.lastStep(),
      evaluations: this.#evaluations.length,
      validations: this.#validations.length,
      diagnoses: JSON.stringify(this.#diagnoses),
      places: this.#places.size,
    };
    const rows: Record<string, number>[] = [];
    if (!(await this.#read((row) => rows.push(row)))) {
      await this.#begin();
      this.#version++;
      return 'reset';
    }
    await this.#readSummary();
    const nothing =
      rows.length === 0 &&
      this.#summaryText === before.summary &&
      this.#evaluations.length === before.evaluations &&
      this.#validations.length === before.validations &&
      this.#outcomes.visits.length === before.visits &&
      JSON.stringify(this.#diagnoses) === before.diagnoses;
    if (nothing) return null;
    this.#version++;
    return {
      rows,
      evaluations: this.#evaluations.slice(before.evaluations),
      validations: this.#validations.slice(before.validations),
      problems: this.#outcomes.problems.slice(before.problems),
      visits: this.#outcomes.visits.slice(before.lastStep),
      completionSteps: [...this.#places.keys()].slice(before.places),
      ...this.#state(),
    };
  }

  #state(): Pick<RunData, 'version' | 'diagnoses' | 'summary' | 'steps' | 'plannedSteps' | 'seconds'> {
    return {
      version: this.#version,
      // The summary has each diagnosis with its last evidence, metrics.jsonl with that of its beginning.
      diagnoses: (this.#summary?.diagnoses as Diagnosed[] | undefined) ?? this.#diagnoses,
      summary: this.#summary,
      steps: this.#steps,
      plannedSteps: Math.max(this.#planned(), this.#steps),
      seconds: this.#seconds,
    };
  }

  /** Total steps by the options; where these give epochs, estimated from the epoch of the last step. */
  #planned(): number {
    const { max_steps: most, num_train_epochs: epochs } = this.#config as Record<string, number | undefined>;
    if (most !== undefined && most > 0) return most;
    return epochs && this.#epoch > 0 ? Math.round((this.#steps * epochs) / this.#epoch) : 0;
  }

  async #begin(): Promise<void> {
    this.#metrics = new LineReader(this.#metrics.path);
    this.#completions = new LineReader(this.#completions.path);
    this.#curves = new Curves();
    this.#outcomes = new Outcomes();
    this.#evaluations = [];
    this.#validations = [];
    this.#diagnoses = [];
    this.#places = new Map();
    this.#steps = this.#seconds = 0;
    const text = await readFile(join(this.path, 'config.yaml'), 'utf8').catch(() => '');
    this.#config = (parse(text) ?? {}) as Record<string, unknown>;
    const env = await readFile(join(this.path, 'env.json'), 'utf8').catch(() => '');
    this.#env = (parseJson(env) as Record<string, unknown> | undefined) ?? null;
    await this.#read(() => undefined);
    await this.#readSummary();
  }

  async #readSummary(): Promise<void> {
    this.#summaryText = await readFile(join(this.path, 'summary.json'), 'utf8').catch(() => '');
    const summary = parseJson(this.#summaryText) as { steps: number } | undefined;
    // While a resumed run goes on, summary.json is still that of the process before.
    this.#summary = summary && summary.steps >= this.#steps ? { ...summary } : null;
  }

  async #read(onRow: (row: Record<string, number>) => void): Promise<boolean> {
    const whole = await this.#metrics.read(({ text }) => {
      const row = parseJson(text) as (Metrics & Partial<DiagnosisEvent>) | undefined;
      if (typeof row?.step !== 'number') return;
      if (row.diagnosis !== undefined) this.#diagnose(row as DiagnosisEvent);
      else this.#measured(row, onRow);
    });
    return (
      (await this.#completions.read(({ text, offset, bytes }) => {
        const record = parseJson(text) as CompletionRecord | undefined;
        if (typeof record?.step !== 'number') return;
        this.#outcomes.add(record);
        const place = this.#places.get(record.step);
        if (place) place.bytes = offset + bytes - place.offset;
        else this.#places.set(record.step, { offset, bytes });
      })) && whole
    );
  }

  #measured(row: Metrics, onRow: (row: Record<string, number>) => void): void {
    if (row.step > 0 && row.learning_rate !== undefined) {
      this.#steps = row.step;
      this.#epoch = row.epoch ?? 0;
      this.#seconds += row.step_time ?? 0;
      // Seconds of training so far, for charts over time.
      const timed = { ...(row as Record<string, number>), seconds: this.#seconds };
      this.#curves.add(timed);
      onRow(timed);
    }
    for (const [kind, points] of [
      ['eval', this.#evaluations],
      ['val', this.#validations],
    ] as const) {
      const accuracy = row[`${kind}/accuracy`];
      if (accuracy === undefined) continue;
      points.push({
        step: row.step,
        accuracy,
        low: row[`${kind}/accuracy_low`] ?? accuracy,
        high: row[`${kind}/accuracy_high`] ?? accuracy,
        seconds: this.#seconds,
      });
    }
  }

  #diagnose({ event, step, ...rest }: DiagnosisEvent): void {
    const known = this.#diagnoses.findLast(
      ({ diagnosis, ended }) => diagnosis === rest.diagnosis && ended === undefined,
    );
    if (!known) this.#diagnoses.push({ ...rest, began: step, ended: event === 'ends' ? step : undefined });
    else Object.assign(known, rest, event === 'ends' ? { ended: step } : {});
  }
}
