/**
 * The tracker Weights & Biases, in the form of its offline mode: a `.wandb` file that `wandb sync` uploads.
 * The file is a header of W&B's and a LevelDB log of `Record` messages.
 */
import { randomInt } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import crc32 from 'crc-32';
import { asDiskError } from '../../machine/disk.js';
import { packageVersion } from '../../machine/paths.js';
import { dashboardNames } from './names.js';
import { encode, field, RecordFile, type Fields } from './records.js';
import type { Ending, Entry, TrackedRun, Tracker } from './tracker.js';

/** Environment variables of W&B's own client that are read here. */
export type WandbEnvironment = Partial<
  Record<
    'WANDB_PROJECT' | 'WANDB_ENTITY' | 'WANDB_RUN_GROUP' | 'WANDB_TAGS' | 'WANDB_NOTES' | 'WANDB_DIR',
    string
  >
>;

/**
 * Each time that a run is started or resumed, a new folder is written; all have the run's id, and `wandb
 * sync` joins them.
 */
export class Wandb implements Tracker {
  // Each entry is written at once, so that none is lost in a crash.
  readonly pause = 0;
  readonly most = 1000;
  readonly #run: TrackedRun;
  readonly #environment: WandbEnvironment;
  readonly #id: string;
  readonly #began = Date.now();
  readonly #parent: string;
  #folder = '';
  #file: RecordFile | undefined;
  #records = 0;

  constructor(run: TrackedRun, environment: WandbEnvironment) {
    this.#run = run;
    this.#environment = environment;
    this.#id = (run.memory.run_id as string | undefined) ?? newId();
    this.#parent = join(environment.WANDB_DIR ?? run.folder!, 'wandb');
  }

  async begin(): Promise<string> {
    if (!this.#file) {
      this.#folder = await this.#newFolder();
      this.#file = await RecordFile.create(join(this.#folder, `run-${this.#id}.wandb`));
    }
    if (this.#file.length === 0) await this.#file.append(HEADER);
    await this.#append([this.#header, this.#runRecord, ...METRICS]);
    await this.#run.remember({ run_id: this.#id });
    return `offline in ${this.#folder}`;
  }

  async send(entries: readonly Entry[]): Promise<void> {
    const latest = new Map<string, unknown>();
    const records: Fields[] = [];
    for (const entry of entries) {
      if (entry.kind === 'diagnosis') {
        const { diagnosis, step, title, event, level, evidence } = entry.event;
        const said = event === 'ends' ? `over: ${title}` : `${level}: ${title}: ${evidence}`;
        latest.set(`diagnosis/${diagnosis}`, `step ${step}: ${said}`);
        continue;
      }
      const { step } = entry.metrics;
      const values: [string, unknown][] = [
        ...dashboardNames(entry.metrics),
        ['train/global_step', step],
        ['_step', step],
        ['_timestamp', entry.time / 1000],
        ['_runtime', (entry.time - this.#began) / 1000],
      ];
      for (const [name, value] of values) latest.set(name, value);
      records.push((record) =>
        field.message(record, 2, (history) => {
          for (const [name, value] of values) field.message(history, 1, item(name, value));
          field.message(history, 2, (at) => field.int64(at, 1, step));
        }),
      );
    }
    records.push((record) =>
      field.message(record, 3, (summary) => {
        for (const [name, value] of latest) field.message(summary, 1, item(name, value));
      }),
    );
    await this.#append(records);
  }

  async end(ending: Ending): Promise<string> {
    await this.#append([
      (record) =>
        field.message(record, 18, (exit) => {
          if (ending !== 'finished') field.int64(exit, 1, ending === 'interrupted' ? 130 : 1);
          field.int64(exit, 2, Math.round((Date.now() - this.#began) / 1000));
        }),
    ]);
    return `to upload it: wandb sync ${this.#folder}`;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Creates a folder with the time in its name, as W&B does; one that exists gets the next second. */
  async #newFolder(): Promise<string> {
    await mkdir(this.#parent, { recursive: true });
    for (let time = this.#began; ; time += 1000) {
      const folder = join(this.#parent, `offline-run-${stamp(time)}-${this.#id}`);
      try {
        await mkdir(folder);
        await mkdir(join(folder, 'files'));
        return folder;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw asDiskError(error, folder);
      }
    }
  }

  async #append(records: readonly Fields[]): Promise<void> {
    const messages = records.map((fields, i) =>
      encode((record) => {
        field.int64(record, 1, this.#records + i + 1);
        fields(record);
        field.message(record, 200, (info) => field.string(info, 1, this.#id));
      }),
    );
    await this.#file!.append(logRecords(messages, this.#file!.length));
    this.#records += messages.length;
  }

  #header = (record: BinaryWriter): void =>
    field.message(record, 21, (header) =>
      field.message(header, 1, (version) => {
        field.string(version, 1, `grpo-native ${packageVersion()}`);
        field.string(version, 2, '0.70.0');
      }),
    );

  #runRecord = (record: BinaryWriter): void => {
    const { config, facts, name, kind } = this.#run;
    const { WANDB_PROJECT: project, WANDB_ENTITY: entity, WANDB_RUN_GROUP: group } = this.#environment;
    const { WANDB_NOTES: notes, WANDB_TAGS: tags = '' } = this.#environment;
    field.message(record, 17, (run) => {
      field.string(run, 1, this.#id);
      if (entity) field.string(run, 2, entity);
      // The default of transformers.
      field.string(run, 3, project ?? 'huggingface');
      field.message(run, 4, (update) => {
        for (const [key, value] of Object.entries({ ...facts, ...config, method: kind }))
          field.message(update, 1, (one) => {
            field.string(one, 1, key);
            field.string(one, 16, JSON.stringify(value));
          });
      });
      if (group) field.string(run, 6, group);
      field.string(run, 8, name);
      if (notes) field.string(run, 9, notes);
      for (const tag of tags.split(',').filter(Boolean)) field.string(run, 10, tag.trim());
      field.string(run, 13, hostname());
      field.message(run, 17, (time) => {
        field.int64(time, 1, Math.floor(this.#began / 1000));
        field.int64(time, 2, (this.#began % 1000) * 1e6);
      });
      // A resumed run is appended to what was uploaded before, rather than replace it.
      if (this.#run.memory.run_id !== undefined) field.bool(run, 24, true);
    });
  };
}

/** Definitions of the metrics, as in transformers: all are shown over the optimiser's steps. */
const METRICS: Fields[] = [
  (record) =>
    field.message(record, 12, (metric) => {
      field.string(metric, 1, 'train/global_step');
      field.message(metric, 6, (options) => field.bool(options, 3, true));
    }),
  (record) =>
    field.message(record, 12, (metric) => {
      field.string(metric, 2, '*');
      field.string(metric, 4, 'train/global_step');
      field.message(metric, 6, (options) => {
        field.bool(options, 1, true);
        field.bool(options, 3, true);
      });
    }),
];

/** A `HistoryItem` or `SummaryItem`; with a nested key, so that a dot in a name is not read as a path. */
const item =
  (name: string, value: unknown): Fields =>
  (writer) => {
    field.string(writer, 2, name);
    field.string(writer, 16, JSON.stringify(value));
  };

/** `:W&B`, its magic number and version 0. */
const HEADER = Buffer.from(':W&B\xe1\xbe\x00', 'latin1');

/** Sizes of LevelDB's log format: records lie in blocks, and are divided where a block ends. */
const BLOCK = 32768;
const FRAME = 7;
const KIND = { full: 1, first: 2, middle: 3, last: 4 };

/** @param position position in the file that the records begin at */
export function logRecords(messages: readonly Uint8Array[], position: number): Uint8Array {
  const parts: Uint8Array[] = [];
  const push = (part: Uint8Array) => {
    parts.push(part);
    position += part.length;
  };
  for (const message of messages) {
    for (let from = 0, begun = false; !begun || from < message.length; begun = true) {
      const left = BLOCK - (position % BLOCK);
      if (left < FRAME) push(Buffer.alloc(left));
      const room = (left < FRAME ? BLOCK : left) - FRAME;
      const part = message.subarray(from, from + room);
      from += part.length;
      const ends = from === message.length;
      const kind = begun ? (ends ? KIND.last : KIND.middle) : ends ? KIND.full : KIND.first;
      const body = Buffer.concat([Buffer.from([kind]), part]);
      const head = Buffer.alloc(6);
      head.writeInt32LE(crc32.buf(body));
      head.writeUInt16LE(part.length, 4);
      push(Buffer.concat([head, body]));
    }
  }
  return Buffer.concat(parts);
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';
const newId = (): string => Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join('');

/** The local time as `20261125_183824`. */
function stamp(time: number): string {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '_');
}
