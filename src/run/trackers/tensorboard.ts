/**
 * The tracker TensorBoard, by event files: metrics as scalars, the options and the events of the diagnosis as
 * texts. A file is a sequence of `Event` messages, each framed as a TFRecord: length, checksum, message,
 * checksum.
 */
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import crc32c from 'crc-32/crc32c.js';
import { packageVersion } from '../../machine/paths.js';
import { shellOption } from '../../common/shell.js';
import { dashboardNames } from './names.js';
import { encode, field, RecordFile, type Fields } from './records.js';
import type { Entry, TrackedRun, Tracker } from './tracker.js';

/** Each time that a run is started or resumed, a new file is written in the folder of the run. */
export class TensorBoard implements Tracker {
  // Each entry is written at once, so that none is lost in a crash.
  readonly pause = 0;
  readonly most = 1000;
  readonly #run: TrackedRun;
  readonly #folder: string;
  #file: RecordFile | undefined;

  /** @param folder of the event files; `undefined`: `runs/` in the run folder, as transformers has it */
  constructor(run: TrackedRun, folder: string | undefined) {
    this.#run = run;
    this.#folder = folder ?? join(run.folder!, 'runs');
  }

  async begin(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    const now = Date.now();
    this.#file ??= await RecordFile.create(
      join(
        this.#folder,
        `events.out.tfevents.${Math.floor(now / 1000)}.${hostname()}.${process.pid}.${String(now % 1000).padStart(3, '0')}`,
      ),
    );
    const { startStep, config, facts, kind } = this.#run;
    const first = startStep === 0 ? 0 : startStep + 1;
    await this.#file.append(
      Buffer.concat([
        event(now, undefined, (writer) => field.string(writer, 3, 'brain.Event:2')),
        event(now, undefined, (writer) =>
          field.message(writer, 10, (source) => field.string(source, 1, `grpo-native ${packageVersion()}`)),
        ),
        // Tells TensorBoard to drop earlier values of steps that a resumed run takes again.
        event(now, first, (writer) =>
          field.message(writer, 7, (session) => field.int64(session, 1, SESSION_START)),
        ),
        text(now, startStep, 'args', json(config)),
        text(now, startStep, 'model_config', json({ method: kind, ...facts })),
      ]),
    );
    return `tensorboard ${shellOption('logdir', this.#folder)}`;
  }

  async send(entries: readonly Entry[]): Promise<void> {
    await this.#file!.append(Buffer.concat(entries.map(eventOf)));
  }

  async end(): Promise<undefined> {}

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

/** `SessionLog.START`. */
const SESSION_START = 1;

function eventOf(entry: Entry): Uint8Array {
  if (entry.kind === 'metrics') {
    const { metrics } = entry;
    return event(entry.time, metrics.step, (writer) =>
      field.message(writer, 5, (summary) => {
        for (const [name, value] of dashboardNames(metrics))
          field.message(summary, 1, (one) => {
            field.string(one, 1, name);
            field.float(one, 2, value);
          });
      }),
    );
  }
  const { step, diagnosis, title, event: change, level, evidence, remedies } = entry.event;
  const tries = remedies.map((remedy) => `- ${remedy}`).join('\n');
  const said =
    change === 'ends' ? `**${title}**: over` : `**${level}: ${title}**\n\n${evidence}\n\nTry:\n\n${tries}`;
  return text(entry.time, step, `diagnosis/${diagnosis}`, said);
}

/** An event with a text (Markdown), in the form that TensorBoard's text plugin reads. */
function text(time: number, step: number, name: string, value: string): Uint8Array {
  return event(time, step, (writer) =>
    field.message(writer, 5, (summary) =>
      field.message(summary, 1, (one) => {
        field.string(one, 1, `${name}/text_summary`);
        field.message(one, 8, (tensor) => {
          field.int64(tensor, 1, 7); // DT_STRING
          field.message(tensor, 2, (shape) => field.message(shape, 2, (size) => field.int64(size, 1, 1)));
          field.bytes(tensor, 8, Buffer.from(value));
        });
        field.message(one, 9, (metadata) =>
          field.message(metadata, 1, (plugin) => field.string(plugin, 1, 'text')),
        );
      }),
    ),
  );
}

const json = (value: object): string => `\`\`\`\n${JSON.stringify(value, null, 2)}\n\`\`\``;

/** @param time milliseconds since 1970 */
function event(time: number, step: number | undefined, fields: Fields): Uint8Array {
  return framed(
    encode((writer) => {
      field.double(writer, 1, time / 1000);
      if (step !== undefined) field.int64(writer, 2, step);
      fields(writer);
    }),
  );
}

function framed(message: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(message.length));
  return Buffer.concat([length, checksum(length), message, checksum(message)]);
}

/** The masked CRC-32C of TFRecord: rotated, plus a constant. */
function checksum(bytes: Uint8Array): Buffer {
  const crc = crc32c.buf(bytes) >>> 0;
  const rotated = ((crc >>> 15) | (crc << 17)) >>> 0;
  const out = Buffer.alloc(4);
  out.writeUInt32LE((rotated + 0xa282ead8) >>> 0);
  return out;
}
