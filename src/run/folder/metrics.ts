/** What a step reports: TRL's names, the seconds of each phase, and what was computed. */
import { access, open, readFile, type FileHandle } from 'node:fs/promises';
import { stringify } from 'csv-stringify/sync';
import { asDiskError, writeAtomic } from '../../machine/disk.js';

/** Columns of `metrics.csv`, in this order, in every run; later versions only append. */
export const METRIC_COLUMNS = [
  'step', // optimiser steps taken
  'epoch',
  'loss',
  'reward', // mean over the step's completions
  'reward_std', // standard deviation over the step's completions
  'frac_reward_zero_std', // groups whose rewards are all equal: nothing to learn from
  'kl', // mean over completion tokens, nats, against the reference (beta > 0)
  'entropy', // mean over completion tokens, nats
  'grad_norm', // before clipping
  'learning_rate',
  'completions/mean_length',
  'completions/min_length',
  'completions/max_length',
  'completions/clipped_ratio', // ended by max_completion_length
  'clip_ratio/low_mean',
  'clip_ratio/low_min',
  'clip_ratio/high_mean',
  'clip_ratio/high_max',
  'clip_ratio/region_mean',
  'num_tokens', // prompt and completion tokens since the start, as TRL counts them
  'step_time', // seconds
  'time/sample',
  'time/reward',
  'time/reference',
  'time/train',
  'time/optimizer',
  'tokens/sampled', // completion tokens of the step
  'tokens/computed', // distinct tokens forwarded: sampling, reference and training
  'eval/accuracy',
  'eval/accuracy_low', // 95% Wilson interval
  'eval/accuracy_high',
  'accuracy', // share of the step's completions that are right
  'policy_loss', // without the entropy bonus, where there is one
  'entropy_coef', // its weight
  'cispo_clip_ratio',
  'vespo/phi_seq_mean',
  'nonfinite', // 1: loss or gradient was no number, and the step was not applied
  'parts', // that sampling or learning was done in, where memory did not suffice for the whole
  'time/save', // seconds that the run waited for a checkpoint since the step before
  'frac_all_right', // groups without spread whose completions are all right: there is nothing left to teach
  'frac_same_answer', // agreement of answers to different prompts, beyond that of the right ones; 1: one answer for all
] as const;

/** Of each reward function, and of each task of a mixture: columns after the others, in runs that have several. */
export type RunMetricName = `rewards/${string}/mean` | `rewards/${string}/std` | `eval/${string}/${string}`;
export type MetricName = (typeof METRIC_COLUMNS)[number] | RunMetricName;
/** Values of one step; what was not measured is left out. */
export type Metrics = Partial<Record<MetricName, number>> & { step: number };

/** Columns that differ between two runs of the same seed. */
export const isTime = (name: string): boolean => name === 'step_time' || name.startsWith('time/');

/** A file of lines that grows by whole lines. */
export class LineFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /**
   * @param keep which of the lines already there stay (a resumed run repeats the others)
   * @param header first line of a new file
   */
  static async open(path: string, options: { header?: string; keep?: (line: string) => boolean } = {}) {
    const before = await readFile(path, 'utf8').catch(() => '');
    const lines = before.split('\n');
    // A crash in the middle of a write leaves a last line without an end: it is dropped too.
    lines.pop();
    const kept = lines.filter(
      (line, i) => (i === 0 && options.header !== undefined) || (options.keep?.(line) ?? true),
    );
    if (kept.length === 0 && options.header !== undefined) kept.push(options.header);
    const text = kept.map((line) => `${line}\n`).join('');
    if (text !== before) await writeAtomic(path, text);
    try {
      return new LineFile(path, await open(path, 'a'));
    } catch (error) {
      throw asDiskError(error, path);
    }
  }

  async append(lines: string): Promise<void> {
    try {
      // A file that was removed takes lines as before, and nobody would ever read them.
      await access(this.#path);
      await this.#handle.writeFile(lines);
    } catch (error) {
      throw asDiskError(error, this.#path);
    }
  }

  /** What was appended is on the disk when this returns. */
  async sync(): Promise<void> {
    try {
      await this.#handle.datasync();
    } catch (error) {
      throw asDiskError(error, this.#path);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** `metrics.csv`, `metrics.jsonl` and `completions.jsonl` of a run, cut to `step` when it is resumed. */
export class MetricsLog {
  readonly #csv: LineFile;
  readonly #jsonl: LineFile;
  readonly #completions: LineFile;
  readonly #columns: readonly MetricName[];

  private constructor(columns: readonly MetricName[], csv: LineFile, jsonl: LineFile, completions: LineFile) {
    this.#columns = columns;
    this.#csv = csv;
    this.#jsonl = jsonl;
    this.#completions = completions;
  }

  /**
   * @param step what is said of later steps is removed
   * @param options `pending`: the row of `step` is still to be written; `columns`: the run's own
   */
  static async open(
    file: (name: string) => string,
    step = 0,
    { pending = false, columns = [] }: { pending?: boolean; columns?: readonly RunMetricName[] } = {},
  ): Promise<MetricsLog> {
    const all = [...METRIC_COLUMNS, ...columns];
    const header = stringify([all]).trimEnd();
    const rows = pending ? step - 1 : step;
    const opened: LineFile[] = [];
    const open = async (name: string, options: Parameters<typeof LineFile.open>[1]) => {
      const lines = await LineFile.open(file(name), options);
      opened.push(lines);
      return lines;
    };
    try {
      return new MetricsLog(
        all,
        await open('metrics.csv', { header, keep: (line) => Number.parseInt(line, 10) <= rows }),
        await open('metrics.jsonl', { keep: (line) => stepOf(line) <= rows }),
        await open('completions.jsonl', { keep: (line) => stepOf(line) <= step }),
      );
    } catch (error) {
      for (const lines of opened) await lines.close();
      throw error;
    }
  }

  async step(metrics: Metrics): Promise<void> {
    await this.#csv.append(stringify([this.#columns.map((name) => metrics[name])]));
    await this.note(metrics);
  }

  /** A line of `metrics.jsonl` alone, such as the evaluation before the first step. */
  note(record: { step: number } & Record<string, unknown>): Promise<void> {
    return this.#jsonl.append(`${JSON.stringify(record)}\n`);
  }

  completions(records: ({ step: number } & Record<string, unknown>)[]): Promise<void> {
    return this.#completions.append(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  }

  async sync(): Promise<void> {
    await Promise.all([this.#csv.sync(), this.#jsonl.sync(), this.#completions.sync()]);
  }

  async close(): Promise<void> {
    await Promise.all([this.#csv.close(), this.#jsonl.close(), this.#completions.close()]);
  }
}

function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step: number }).step;
  } catch {
    return Infinity;
  }
}
