/** A tracker that misbehaves: the run doesn't wait for it, is told once, and learns at the end what was lost. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Delivery, type Patience } from '../../../../src/run/trackers/delivery.js';
import { PermanentError, type Entry, type Tracker } from '../../../../src/run/trackers/tracker.js';
import { metricsEntry } from '../../../support/tracking.js';

const QUICK: Partial<Patience> = { first: 2, longest: 8, call: 50, end: 200 };

function deliver(tracker: Partial<Tracker>, patience: Partial<Patience> = {}) {
  const notices: string[] = [];
  const sent: number[] = [];
  const whole: Tracker = {
    pause: 0,
    most: 4,
    begin: async () => 'there',
    send: async (entries) => void sent.push(...entries.map(stepOf)),
    end: async () => undefined,
    ...tracker,
  };
  const delivery = new Delivery('mlflow', whole, (text) => notices.push(text), { ...QUICK, ...patience });
  return { delivery, notices, sent };
}

const stepOf = (entry: Entry) => (entry.kind === 'metrics' ? entry.metrics.step : -1);
const steps = (count: number) => Array.from({ length: count }, (_, step) => step);
const add = (delivery: Delivery, count: number) => {
  for (const step of steps(count)) delivery.add(metricsEntry({ step }));
};

describe('a delivery', () => {
  it('brings everything in order, in batches, and the ending last', async () => {
    const calls: string[] = [];
    const { delivery, notices } = deliver({
      send: async (entries) => void calls.push(entries.map(stepOf).join(' ')),
      end: async (ending) => (calls.push(ending), 'one thing is left to do'),
      close: async () => void calls.push('closed'),
    });
    add(delivery, 10);
    await delivery.end('finished');
    expect(calls).toEqual(['0 1 2 3', '4 5 6 7', '8 9', 'finished', 'closed']);
    expect(notices).toEqual(['mlflow: there', 'mlflow: one thing is left to do']);
  });

  it('tries again what failed, the same entries first, and tells of it once', async () => {
    let left = 5;
    const received: number[] = [];
    const { delivery, notices } = deliver({
      begin: async () => {
        if (left-- > 3) throw new Error('it is down');
        return 'there';
      },
      send: async (entries) => {
        if (left-- > 0) throw new Error('it is down again');
        received.push(...entries.map(stepOf));
      },
    });
    add(delivery, 6);
    await vi.waitFor(() => expect(received).toEqual(steps(6)));
    await delivery.end('finished');
    expect(notices).toEqual(['mlflow: it is down; the run goes on, and it is tried again', 'mlflow: there']);
  });

  it('keeps so many entries, the newest, and says how many were lost', async () => {
    let down = true;
    const { delivery, notices, sent } = deliver(
      {
        begin: async () => {
          if (down) throw new Error('it is down');
          return 'there';
        },
      },
      { kept: 5 },
    );
    add(delivery, 12);
    down = false;
    await delivery.end('finished');
    expect(sent).toEqual([7, 8, 9, 10, 11]);
    expect(notices.at(-1)).toMatch(
      /^mlflow: 7 of 12 entries were not delivered .*; metrics.jsonl has all of them$/,
    );
  });

  it('drops what is refused, and goes on with the next', async () => {
    const received: number[] = [];
    const { delivery, notices } = deliver({
      most: 1,
      send: async ([entry]) => {
        if (stepOf(entry!) === 1) throw new PermanentError('step 1 is odd');
        received.push(stepOf(entry!));
      },
    });
    add(delivery, 3);
    await delivery.end('finished');
    expect(received).toEqual([0, 2]);
    expect(notices.slice(1)).toEqual([
      'mlflow: step 1 is odd; the run goes on without it',
      'mlflow: 1 of 3 entries were not delivered (step 1 is odd); metrics.jsonl has all of them',
    ]);
  });

  it('asks no more where the run itself was refused', async () => {
    const begin = vi.fn(async () => Promise.reject(new PermanentError('who are you?')));
    const { delivery, notices } = deliver({ begin });
    add(delivery, 2);
    await new Promise((done) => setTimeout(done, 30));
    add(delivery, 1);
    await delivery.end('finished');
    expect(begin).toHaveBeenCalledTimes(1);
    expect(notices).toEqual([
      'mlflow: who are you?; the run goes on without it',
      'mlflow: 3 of 3 entries were not delivered (who are you?); metrics.jsonl has all of them',
    ]);
  });

  it.each([
    [
      'heeds its signal',
      (signal: AbortSignal) => new Promise((_, fail) => signal.addEventListener('abort', fail)),
    ],
    ['hangs for good', () => new Promise<never>(() => undefined)],
  ])('ends in time beside a tracker that %s', async (_, hang) => {
    const { delivery, notices } = deliver({ send: (_, signal) => hang(signal) as Promise<void> });
    add(delivery, 3);
    const start = performance.now();
    await delivery.end('finished');
    expect(performance.now() - start).toBeLessThan(1000);
    expect(notices.at(-1)).toMatch(/ entries were not delivered/);
  });

  it('does nothing in the turn of the run', () => {
    const begin = vi.fn(async () => 'there');
    const { delivery } = deliver({ begin });
    onTestFinished(() => delivery.end('finished'));
    add(delivery, 1);
    expect(begin).not.toHaveBeenCalled();
  });

  it('survives a listener that fails', async () => {
    const sent: number[] = [];
    const tracker: Tracker = {
      pause: 0,
      most: 9,
      begin: async () => 'there',
      send: async (entries) => void sent.push(...entries.map(stepOf)),
      end: async () => undefined,
    };
    const delivery = new Delivery('wandb', tracker, () => {
      throw new Error('nobody listens');
    });
    add(delivery, 2);
    await delivery.end('finished');
    expect(sent).toEqual([0, 1]);
  });
});
