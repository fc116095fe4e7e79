import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../../src/config/load.js';
import { planSweep, sweepOf } from '../../../../src/experiments/sweep/plan.js';
import { codeOf } from '../../../support/fixtures.js';

const plan = (yaml: string, flags: Record<string, unknown[]> = {}) =>
  planSweep(sweepOf(parseYaml(yaml, 'sweep.yaml'), flags));
const names = (yaml: string, flags?: Record<string, unknown[]>) => plan(yaml, flags).map(({ name }) => name);

describe('a sweep', () => {
  it('is a list of runs on a base', () => {
    const runs = plan(`
      base: {model: tiny, seed: 3}
      runs:
        - {preset: mixed}
        - {preset: mixed, beta: 0.2}
        - {name: own, preset: small-numbers, seed: 4}
    `);
    expect(runs).toEqual([
      { name: 'mixed', options: { model: 'tiny', seed: 3, preset: 'mixed' } },
      { name: 'mixed-beta0.2', options: { model: 'tiny', seed: 3, preset: 'mixed', beta: 0.2 } },
      { name: 'own', options: { model: 'tiny', seed: 4, preset: 'small-numbers' } },
    ]);
  });

  it('is every combination of a grid', () => {
    expect(names('grid: {beta: [0, 0.1], seed: [1, 2]}\nbase: {preset: mixed}')).toEqual([
      'mixed-beta0-seed1',
      'mixed-beta0-seed2',
      'mixed-beta0.1-seed1',
      'mixed-beta0.1-seed2',
    ]);
    expect(names('runs: [{preset: mixed}, {preset: small-numbers}]\ngrid: {seed: [1, 2]}')).toHaveLength(4);
  });

  it('of datasets is named by these', () => {
    const data = ['./data/tickets.jsonl', './data/mails.csv'];
    expect(names(`grid: {dataset_name: [${data.join()}], seed: [1, 2]}`)).toEqual([
      'tickets.jsonl-seed1',
      'tickets.jsonl-seed2',
      'mails.csv-seed1',
      'mails.csv-seed2',
    ]);
    expect(names(`grid: {dataset_name: [${data.join()}]}\nbase: {preset: mixed}`)).toEqual([
      'mixed-dataset_name._data_tickets.jsonl',
      'mixed-dataset_name._data_mails.csv',
    ]);
  });

  it('comes from flags: one that is given several times is a dimension', () => {
    const flags = { model: ['tiny'], preset: ['mixed', 'small-numbers'], seed: [1, 2] };
    const runs = planSweep(sweepOf(undefined, flags));
    expect(runs.map(({ name }) => name)).toEqual([
      'mixed-seed1',
      'mixed-seed2',
      'small-numbers-seed1',
      'small-numbers-seed2',
    ]);
    expect(runs[3]!.options).toEqual({ model: 'tiny', preset: 'small-numbers', seed: 2 });
  });

  it('lets flags have the last word', () => {
    const [run] = plan('runs: [{preset: mixed, seed: 1}]\nbase: {beta: 0.2}', { seed: [9], beta: [0] });
    expect(run!.options).toMatchObject({ seed: 9, beta: 0 });
  });

  it.each([
    ['runs: [{preset: mixed}, {preset: mixed}]', 'SWEEP'],
    ['grid: {beta: []}', 'SWEEP'],
    ['grid: {beta: 0.1}', 'SWEEP'],
    ['runs: mixed', 'SWEEP'],
    ['preset: mixed', 'SWEEP'],
    ['runs: [{preset: mixd}]', 'PRESET_NOT_FOUND'],
    ['grid: {batch_size: [many]}', 'BAD_OPTION'],
    ['grid: {bta: [1]}', 'UNKNOWN_OPTION'],
  ])('is refused before it starts: %s', async (yaml, code) => {
    expect(await codeOf(() => plan(yaml))).toBe(code);
  });

  it('names the run that is wrong', () => {
    expect(() => plan('runs: [{name: good}, {name: bad, beta: -1}]')).toThrow(/run bad: beta is -1/);
  });
});
