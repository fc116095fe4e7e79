/** The log files of a run: `metrics.csv`, `metrics.jsonl`, `completions.jsonl`. */
import { stringify } from 'csv-stringify/sync';
import { METRIC_COLUMNS, type MetricName, type Metrics, type RunMetricName } from '../../grpo/metrics.js';
import { LineFile } from '../../machine/line-file.js';

/** Appends to the three files. */
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
   * @param step step that the run is resumed from; lines of later steps are removed
   * @param options `pending`: the row of `step` itself is still to be written; `columns`: further columns of
   *   this run
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

  /** Writes the metrics of a step. */
  async step(metrics: Metrics): Promise<void> {
    await this.#csv.append(stringify([this.#columns.map((name) => metrics[name])]));
    await this.note(metrics);
  }

  /** Writes rows to `metrics.csv` that `metrics.jsonl` has already, of those that are steps. */
  async copied(rows: readonly Metrics[]): Promise<void> {
    const steps = rows.filter(({ learning_rate }) => learning_rate !== undefined);
    await this.#csv.append(stringify(steps.map((metrics) => this.#columns.map((name) => metrics[name]))));
  }

  /** Writes a line of `metrics.jsonl` only, such as the evaluation before the first step. */
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
