/** Cases, and what is told of them. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CASES, chooseCases, DEFAULT_CASES, isShape } from '../../../bench/cases.js';
import type { CaseRun, StepRun } from '../../../bench/job.js';
import { caseText, limitsText, listText } from '../../../bench/print.js';
import { reportCase } from '../../../bench/report.js';
import { shapeTokenizer } from '../../../bench/shape-tokenizer.js';
import { SHAPES } from '../../../bench/shapes.js';
import { spread } from '../../../bench/statistics.js';
import { parameterCount, parseModelConfig } from '../../../src/model/config.js';

describe('cases', () => {
  it('have names of their own, and run as trainings do', () => {
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
    for (const one of CASES) {
      expect(one.describe).not.toBe('');
      expect(one.num_generations).toBeGreaterThanOrEqual(2);
      expect(one.steps).toBeGreaterThanOrEqual(1);
      // New problems at each step: the arithmetic task has 1068 to learn from.
      expect(one.prompts * (one.steps + one.warmup)).toBeLessThanOrEqual(1068);
      expect(one.model === 'tiny' || isShape(one.model)).toBe(true);
    }
  });

  it('are chosen by name, once, with some of them replaced', () => {
    expect(chooseCases([]).map(({ name }) => name)).toEqual(DEFAULT_CASES);
    const [one, ...others] = chooseCases(['journal', 'journal'], { model: 'tiny', steps: 2 });
    expect(others).toEqual([]);
    expect(one).toMatchObject({ name: 'journal', model: 'tiny', steps: 2, warmup: 1 });
  });

  it('refuse a name that is none, with the nearest', () => {
    expect(() => chooseCases(['jurnal'])).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_CASE', fix: 'did you mean journal?', exitCode: 2 }),
    );
  });
});

describe('shapes', () => {
  it.each([
    ['qwen2-0.5b', 494_032_768],
    ['smollm2-135m', 134_515_008],
  ])('%s has the parameters of the model it is named after', (name, parameters) => {
    expect(parameterCount(parseModelConfig(SHAPES[name]!.config))).toBe(parameters);
  });

  it('cut a prompt into as many tokens as Qwen2.5 does', () => {
    const tokenizer = shapeTokenizer(1000);
    const ids = tokenizer.encode('Calculate: 12 + 13 = ');
    expect(ids).toHaveLength(11);
    expect(ids.every((id) => id >= 0 && id < 1000)).toBe(true);
    expect(tokenizer.encode('Calculate: 7 * 13 = ').subarray(0, 3)).toEqual(ids.subarray(0, 3));
    expect(tokenizer.decode([5, 12])).toBe('5 12');
  });
});

it('spread: the middle one of an odd number, the mean of two of an even one', () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
});

const limits = {
  threads: 2,
  float32: { mkl: 2e11, onednn: 4e11 },
  rounding: 3e-7,
  bfloat16: 8e11,
  read: 3e10,
  copy: 3e10,
  update: 5e10,
};

const step = (factor: number): StepRun => {
  const seconds = { sample: 0.1, reference: 0.05, train: 0.2, optimizer: 0.05, step: 0.5 };
  const work = { flops: 4e9, read: 0, written: 0 };
  return {
    seconds: {
      sample: seconds.sample * factor,
      reference: seconds.reference * factor,
      train: seconds.train * factor,
      optimizer: seconds.optimizer * factor,
      step: seconds.step * factor,
    },
    counts: {
      sample: { nodes: 100, rows: 60, positions: 4 },
      reference: { nodes: 100, rows: 60 },
      train: { forward: { nodes: 0, rows: 0 }, nodes: 100, rows: 60, backward: true },
    },
    work: {
      sample: work,
      reference: work,
      train: { ...work, flops: 2e10 },
      optimizer: { flops: 0, read: 0, written: 5e8 },
    },
    plain_training_flops: 6e10,
    tokens: 1000,
    completion_tokens: 250,
  };
};

const run: CaseRun = {
  engine: {
    torchVersion: '2.15.0',
    device: 'cpu',
    dtype: 'float32',
    threads: 2,
    matrixBackend: 'onednn',
    matrixGflops: {},
    cpuCapability: 'AVX512',
  },
  parameters: 494_032_768,
  temperature: 0.04,
  max_completion_length: 4,
  start: { load: 2, freeze_reference: 0.5, first_prompt: 0.3, first_token: 3 },
  steps: [step(1), step(2), step(3)],
  peak_memory: 11 * 2 ** 30,
};
const peer = {
  versions: { trl: '1.16.0' },
  threads: 2,
  peak_memory: 12 * 2 ** 30,
  steps: [
    {
      seconds: { sample: 10, reference: 5, train: 20, loss_forward: 8, backward: 12, optimizer: 1, step: 36 },
      tokens: 1728,
      completion_tokens: 1024,
    },
  ],
};

describe('the report of a case', () => {
  const journal = chooseCases(['journal'], { steps: 3 })[0]!;

  it('has medians, rates and shares of the limit', () => {
    const { phases, tokens, weights, plain_training_rate } = reportCase(journal, [run], limits);
    expect(weights).toBe('random');
    expect(tokens).toEqual({ trl: 1000, completion: 250, distinct: 100 });
    expect(phases!.sample.seconds).toEqual({ median: 0.2, min: 0.1, max: expect.closeTo(0.3) as number });
    expect(phases!.sample.tokens_per_second.median).toBeCloseTo(5000);
    expect(phases!.sample.distinct_tokens_per_second.median).toBeCloseTo(500);
    // 4 GFLOP at 400 GFLOP/s are 10 ms, of 200.
    expect(phases!.sample).toMatchObject({ bound: 'arithmetic', floor: { arithmetic: 0.01, memory: 0 } });
    expect(phases!.sample.share_of_limit.median).toBeCloseTo(0.05);
    expect(phases!.optimizer.bound).toBe('memory');
    expect(phases!.step.floor.arithmetic).toBeCloseTo(0.07);
    // 60 GFLOP in 0.4 s, at a limit of 400 GFLOP/s.
    expect(plain_training_rate!.flops_per_second.median).toBeCloseTo(1.5e11);
    expect(plain_training_rate!.share_of_limit.median).toBeCloseTo(0.375);
  });

  it('compares with TRL', () => {
    const report = reportCase(journal, [run], limits, peer);
    expect(report.peer!.ratio).toEqual({
      sample: 50,
      reference: 50,
      train: 50,
      optimizer: 10,
      step: 36,
    });
    expect(report.notes.join(' ')).toMatch(
      /TRL knows no rule of the task that ends a completion: its step goes to the full 16 tokens/,
    );
  });

  it('is a straight table', () => {
    // In colour or not, as the terminal has it.
    const text = stripVTControlCharacters(caseText(reportCase(journal, [run], limits, peer)));
    const rows = text.split('\n').filter((line) => /[│┌├└]/.test(line));
    const widths = new Set(rows.map((row) => row.length));
    // Ours, and the comparison.
    expect(widths.size).toBe(2);
    for (const phase of ['sample', 'reference', 'train', 'optimizer', 'step'])
      expect(text).toMatch(new RegExp(`│ ${phase} `));
    expect(text).toContain('random weights');
    expect(text).toContain('trl 1.16.0');
    expect(limitsText(limits, 0)).toContain('400.0 by onednn');
    expect(limitsText(limits, 0)).not.toContain('busy');
    expect(limitsText(limits, 2)).toContain('2.0 processes');
    for (const { name } of CASES) expect(listText()).toContain(name);
  });

  it('of processes that only start has no phases', () => {
    const start = chooseCases(['start'])[0]!;
    const report = reportCase(
      start,
      [run, run].map((one) => ({ ...one, steps: [] })),
      limits,
    );
    expect(report.phases).toBeUndefined();
    expect(caseText(report)).toContain('first token 3.000 s after the start');
  });
});
