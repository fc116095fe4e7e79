import { describe, expect, it } from 'vitest';
import type { History, Rule, RunFacts } from '../../../../src/run/diagnosis/rule.js';
import { RULES } from '../../../../src/run/diagnosis/rules/index.js';
import { NO_SPREAD } from '../../../../src/run/diagnosis/rules/groups.js';
import { METRIC_COLUMNS, type Metrics } from '../../../../src/grpo/metrics.js';
import { documented } from '../../../support/docs.js';
import { evaluated, facts, steps } from '../../../support/history.js';

const rule = (name: string): Rule => RULES.find((one) => one.name === name)!;
const history = (rows: Metrics[], evaluations: Metrics[] = []): History => ({ steps: rows, evaluations });
const level = (name: string, rows: Metrics[], evaluations: Metrics[] = [], changed: Partial<RunFacts> = {}) =>
  rule(name).check(history(rows, evaluations), facts(changed))?.level;
/** A hundred steps with these values in all of them. */
const always = (values: Partial<Metrics>) => steps(1, 100, () => values);

describe('a rule', () => {
  it('is documented by its name, its title and its window', () => {
    const rows = documented('diagnosis.md').map(([name, title, window]) => [name, title, Number(window)]);
    const rules = RULES.map(({ name, title, window }) => [`\`${name}\``, title, window]);
    expect(rows).toHaveLength(rules.length);
    expect(rows).toEqual(expect.arrayContaining(rules));
  });

  it.each(RULES.map((one) => [one.name, one] as const))('%s is silent on a healthy run', (_, one) => {
    const rising = steps(1, 300, (step) => ({
      reward: step / 200,
      accuracy: 0.3 + step / 600,
      learning_rate: 1e-3 * (1 - step / 1000),
    }));
    const evaluations = [evaluated(0, 0.3), evaluated(150, 0.45), evaluated(300, 0.6)];
    expect(one.check(history(rising, evaluations), facts())).toBeUndefined();
  });

  it.each(RULES.map((one) => [one.name, one] as const))(
    '%s says nothing of what was not measured',
    (_, one) => {
      const rows = steps(1, 200).map(({ step }) => ({ step }));
      expect(one.check(history(rows), facts({ repeatedShare: 0 }))).toBeUndefined();
      expect(one.check(history([]), facts({ repeatedShare: 0 }))).toBeUndefined();
    },
  );

  it('has a name of its own, a metric that there is, and something to try', () => {
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
    for (const { metric, remedies } of RULES) {
      expect(METRIC_COLUMNS).toContain(metric);
      const list = typeof remedies === 'function' ? remedies(facts()) : remedies;
      expect(list.length).toBeGreaterThan(0);
    }
  });
});

describe('groups without spread', () => {
  it('have these thresholds', () => {
    expect(NO_SPREAD).toEqual({ warning: 0.25, bad: 0.5 });
  });
  it.each([
    [0.25, 0, undefined],
    [0.26, 0, 'warning'],
    [0.5, 0, 'warning'],
    [0.51, 0, 'bad'],
    // Right throughout: that is what it is for.
    [0.9, 0.7, undefined],
    [0.9, 0.6, 'warning'],
    [0.9, 0.2, 'bad'],
  ])('%f equal, %f of them right: %s', (frac_reward_zero_std, frac_all_right, expected) => {
    expect(level('groups_without_spread', always({ frac_reward_zero_std, frac_all_right }))).toBe(expected);
  });
  it('look at the last steps alone', () => {
    const rows = [...steps(1, 100, () => ({ frac_reward_zero_std: 1 })), ...steps(101, 150)];
    expect(level('groups_without_spread', rows)).toBeUndefined();
  });
});

describe('each rule, at its thresholds', () => {
  it.each<[string, Partial<Metrics>, string | undefined]>([
    ['reward_at_maximum', { frac_all_right: 0.75 }, undefined],
    ['reward_at_maximum', { frac_all_right: 0.76 }, 'note'],
    ['reward_at_minimum', { accuracy: 0.051 }, undefined],
    ['reward_at_minimum', { accuracy: 0.04 }, 'warning'],
    ['reward_at_minimum', { accuracy: 0.01 }, 'bad'],
    ['entropy_collapse', { entropy: 0.21, accuracy: 0 }, undefined],
    ['entropy_collapse', { entropy: 0.19, accuracy: 0.1 }, 'warning'],
    ['entropy_collapse', { entropy: 0.19, accuracy: 0.3 }, undefined],
    ['entropy_collapse', { entropy: 0.05, accuracy: 0.9 }, undefined],
    ['entropy_collapse', { entropy: 0.04, accuracy: 0.5 }, 'bad'],
    ['kl_runaway', { kl: 1 }, undefined],
    ['kl_runaway', { kl: 1.1 }, 'warning'],
    ['kl_runaway', { kl: 3.1 }, 'bad'],
    ['kl_still', { kl: 2e-4 }, undefined],
    ['kl_still', { kl: 5e-5 }, 'warning'],
    ['gradient_zero', { grad_norm: 2e-6 }, undefined],
    ['gradient_zero', { grad_norm: 1e-7 }, 'bad'],
    ['gradient_exploding', { grad_norm: 100 }, undefined],
    ['gradient_exploding', { grad_norm: 101 }, 'bad'],
    ['completions_cut_off', { 'completions/clipped_ratio': 0.25 }, undefined],
    ['completions_cut_off', { 'completions/clipped_ratio': 0.3 }, 'warning'],
    ['completions_cut_off', { 'completions/clipped_ratio': 0.6 }, 'bad'],
    ['one_answer', { frac_same_answer: 0.5 }, undefined],
    ['one_answer', { frac_same_answer: 0.51 }, 'warning'],
    ['one_answer', { frac_same_answer: 0.95 }, 'bad'],
  ])('%s, %j: %s', (name, values, expected) => {
    expect(level(name, always(values))).toBe(expected);
  });

  it('a gradient ten times the usual one is exploding, a single jump is not', () => {
    const usual = steps(1, 100, () => ({ grad_norm: 3 }));
    const after = (of: (step: number) => Partial<Metrics>) => [...usual, ...steps(101, 110, of)];
    expect(
      level(
        'gradient_exploding',
        after(() => ({ grad_norm: 40 })),
      ),
    ).toBe('warning');
    expect(
      level(
        'gradient_exploding',
        after((step) => ({ grad_norm: step === 105 ? 500 : 3 })),
      ),
    ).toBeUndefined();
  });

  it.each([
    [0.1, undefined],
    [0.11, 'warning'],
    [0.51, 'bad'],
  ])('problems of which %f repeat others: %s', (repeatedShare, expected) => {
    expect(level('duplicate_prompts', steps(1, 1), [], { repeatedShare })).toBe(expected);
  });

  it('one step of any KL is no policy that runs away, most of them are', () => {
    const every = (n: number) => steps(1, 100, (step) => ({ kl: step % n === 0 ? 20 : 0.4 }));
    expect(level('kl_runaway', every(20))).toBeUndefined();
    expect(level('kl_runaway', every(3))).toBeUndefined();
    expect(level('kl_runaway', every(1))).toBe('bad');
  });

  it('a reward that does not move is told after half of the run', () => {
    const rows = (count: number) => steps(1, count, (step) => ({ reward: -0.5 + 0.01 * (step % 2) }));
    expect(level('reward_flat', rows(400))).toBeUndefined();
    expect(level('reward_flat', rows(500))).toBe('warning');
    expect(
      level(
        'reward_flat',
        steps(1, 500, (step) => ({ reward: step / 1000 })),
      ),
    ).toBeUndefined();
    expect(
      level(
        'reward_flat',
        steps(1, 500, () => ({ reward: 0.99, accuracy: 0.99 })),
      ),
    ).toBeUndefined();
  });

  it('a learning rate at its end is told where the reward still rises', () => {
    const run = (reward: (step: number) => number) =>
      steps(1, 1000, (step) => ({ learning_rate: 1e-3 * (1 - (step - 1) / 1000), reward: reward(step) }));
    const still = run((step) => step / 1000 + 0.05 * Math.sin(step));
    expect(level('rate_ended_early', still)).toBe('note');
    expect(level('rate_ended_early', still.slice(0, 900))).toBeUndefined();
    expect(
      level(
        'rate_ended_early',
        run((step) => Math.min(1, step / 500)),
      ),
    ).toBeUndefined();
  });
});

describe('held-out accuracy', () => {
  const training = (of: (step: number) => number) => steps(1, 400, (step) => ({ accuracy: of(step) }));

  it('falls when it leaves the interval of a better one', () => {
    const at = (...values: number[]) => values.map((value, i) => evaluated(100 * i, value));
    expect(
      level(
        'held_out_falling',
        training(() => 0.5),
        at(0.3, 0.5, 0.44),
      ),
    ).toBeUndefined();
    expect(
      level(
        'held_out_falling',
        training(() => 0.5),
        at(0.3, 0.5, 0.42),
      ),
    ).toBe('warning');
    expect(
      level(
        'held_out_falling',
        training(() => 0.5),
        at(0.3, 0.5, 0.22),
      ),
    ).toBe('bad');
    expect(
      level(
        'held_out_falling',
        training(() => 0.5),
        at(0.3),
      ),
    ).toBeUndefined();
  });

  it('left behind by training accuracy is memorising', () => {
    const rising = training((step) => 0.3 + step / 800);
    // Trained to 0.8.
    expect(level('memorising', rising, [evaluated(0, 0.3), evaluated(400, 0.6)])).toBeUndefined();
    expect(level('memorising', rising, [evaluated(0, 0.3), evaluated(400, 0.4)])).toBe('warning');
    expect(level('memorising', rising, [evaluated(0, 0.3), evaluated(400, 0.25)])).toBe('bad');
    // A gap that was there from the start is none of the training's making.
    expect(
      level(
        'memorising',
        training(() => 0.8),
        [evaluated(0, 0.5), evaluated(400, 0.5)],
      ),
    ).toBeUndefined();
    // What was trained after the last evaluation doesn't count.
    const late = training((step) => (step <= 100 ? 0.3 : 0.9));
    expect(level('memorising', late, [evaluated(0, 0.3), evaluated(100, 0.3)])).toBeUndefined();
  });
});
