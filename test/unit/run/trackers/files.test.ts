/** Event files of TensorBoard and offline files of W&B, read back by readers of their own. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TensorBoard } from '../../../../src/run/trackers/tensorboard.js';
import { logRecords, Wandb } from '../../../../src/run/trackers/wandb.js';
import { temporaryFolder } from '../../../support/fixtures.js';
import { at, decode, readLog, readTfRecords, text, type Message } from '../../../support/records.js';
import { diagnosisEntry, metricsEntry, trackedRun } from '../../../support/tracking.js';

const entries = [
  metricsEntry({ step: 0, 'eval/accuracy': 0.25 }),
  metricsEntry({ step: 1, loss: 0.5, 'completions/mean_length': 3, kl: NaN }),
  diagnosisEntry(),
];

describe('TensorBoard', () => {
  const events = (folder: string) =>
    readdirSync(join(folder, 'runs')).map((name) => readTfRecords(readFileSync(join(folder, 'runs', name))));
  const values = (event: Message) =>
    event.has(5)
      ? (decode(event.get(5)![0] as Uint8Array).get(1) ?? []).map((one) => decode(one as Uint8Array))
      : [];
  const write = async (folder: string, startStep = 0) => {
    const tracker = new TensorBoard(trackedRun({ folder, startStep }), undefined);
    await tracker.begin();
    await tracker.send(entries);
    await tracker.close();
  };

  it('writes scalars and texts by the names that transformers gives them', async () => {
    const folder = temporaryFolder();
    await write(folder);
    const [file] = events(folder);
    expect(text(at(file![0]!, 3))).toBe('brain.Event:2');
    const scalars = file!.flatMap((event) =>
      values(event)
        .filter((value) => value.has(2))
        .map((value) => [at(event, 2), text(at(value, 1)), at(value, 2)]),
    );
    // What is no number is left out.
    expect(scalars).toEqual([
      [0, 'eval/accuracy', 0.25],
      [1, 'train/loss', 0.5],
      [1, 'train/completions/mean_length', 3],
    ]);
    const texts = Object.fromEntries(
      file!
        .flatMap(values)
        .flatMap((value) => (value.has(8) ? [[text(at(value, 1)), text(at(value, 8, 8))]] : [])),
    ) as Record<string, string>;
    expect(texts['args/text_summary']).toContain('"learning_rate": 0.000001');
    expect(texts['diagnosis/entropy_collapse/text_summary']).toContain('entropy 0.01');
    expect(at(file!.at(-2)!, 1)).toBe(1_700_000_000.001);
  });

  it('begins a resumed run with what makes the steps that are repeated forgotten', async () => {
    const folder = temporaryFolder();
    await write(folder, 40);
    const session = events(folder)[0]!.find((event) => event.has(7))!;
    expect([at(session, 2), at(session, 7, 1)]).toEqual([41, 1]);
  });

  it('writes a file a sitting', async () => {
    const folder = temporaryFolder();
    await write(folder);
    await new Promise((done) => setTimeout(done, 2));
    await write(folder, 1);
    expect(events(folder)).toHaveLength(2);
  });
});

describe('W&B', () => {
  it('writes an offline run as W&B does', async () => {
    const folder = temporaryFolder();
    const remembered: object[] = [];
    const run = trackedRun({ folder, remember: async (memory) => void remembered.push(memory) });
    const tracker = new Wandb(run, { WANDB_PROJECT: 'tests', WANDB_TAGS: 'one, two', WANDB_ENTITY: 'me' });
    await tracker.begin();
    await tracker.send(entries);
    expect(await tracker.end('interrupted')).toContain('wandb sync ');
    await tracker.close();
    const [offline] = readdirSync(join(folder, 'wandb'));
    const [, id] = /^offline-run-\d{8}_\d{6}-([0-9a-z]{8})$/.exec(offline!)!;
    expect(remembered).toEqual([{ run_id: id }]);
    const file = readFileSync(join(folder, 'wandb', offline!, `run-${id}.wandb`));
    expect([...file.subarray(0, 7)]).toEqual([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]);
    const records = readLog(file, 7).map(decode);
    expect(records.map((record) => at(record, 1))).toEqual(records.map((_, i) => i + 1));
    expect(records.every((record) => text(at(record, 200, 1)) === id)).toBe(true);
    const of = (number: number) => records.filter((record) => record.has(number));
    const begun = decode(of(17)[0]!.get(17)![0] as Uint8Array);
    expect([1, 2, 3, 8].map((number) => text(at(begun, number)))).toEqual([id, 'me', 'tests', 'a run']);
    expect(begun.get(10)!.map((tag) => text(tag))).toEqual(['one', 'two']);
    const items = (message: Message, key: number) =>
      Object.fromEntries(
        message.get(1)!.map((item) => {
          const one = decode(item as Uint8Array);
          return [text(at(one, key))!, JSON.parse(text(at(one, 16))!) as unknown];
        }),
      );
    expect(items(decode(begun.get(4)![0] as Uint8Array), 1)).toEqual({
      ...run.config,
      ...run.facts,
      method: 'grpo',
    });
    const history = of(2).map((record) => items(decode(record.get(2)![0] as Uint8Array), 2));
    expect(history).toMatchObject([
      { 'eval/accuracy': 0.25, 'train/global_step': 0, _step: 0 },
      { 'train/loss': 0.5, 'train/completions/mean_length': 3, 'train/global_step': 1, _step: 1 },
    ]);
    expect(history[1]).not.toHaveProperty('train/kl');
    expect(items(decode(of(3)[0]!.get(3)![0] as Uint8Array), 2)).toMatchObject({
      'eval/accuracy': 0.25,
      'train/loss': 0.5,
      'diagnosis/entropy_collapse': 'step 7: bad: the policy is certain: entropy 0.01',
    });
    expect(at(of(18)[0]!, 18, 1)).toBe(130);
  });

  it('goes on under its id in a resumed run', async () => {
    const folder = temporaryFolder();
    const tracker = new Wandb(trackedRun({ folder, memory: { run_id: 'abcd1234' } }), {});
    await tracker.begin();
    await tracker.close();
    expect(readdirSync(join(folder, 'wandb'))[0]).toMatch(/-abcd1234$/);
  });

  it('cuts records where a block ends, wherever they begin', () => {
    const sizes = fc.array(
      fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 32740, max: 98400 })),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(sizes, fc.integer({ min: 7, max: 40 }), (lengths, skip) => {
        const messages = lengths.map((length, i) => Buffer.alloc(length, i + 1));
        const file = Buffer.concat([Buffer.alloc(skip), logRecords(messages, skip)]);
        const read = readLog(file, skip);
        expect(read.map((record) => record.length)).toEqual(lengths);
        expect(read.every((record, i) => record.equals(messages[i]!))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });
});
