import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import type { JudgedCompletion } from '../../../../src/run/events.js';
import { LiveBlock } from '../../../../src/ui/terminal/live.js';
import { liveLines, type LiveState } from '../../../../src/ui/terminal/live-view.js';
import { TrainReport } from '../../../../src/ui/terminal/train-report.js';
import type { Metrics } from '../../../../src/grpo/metrics.js';
import { plan } from '../../../support/plan.js';
import { Screen } from '../../../support/terminal.js';

const metrics = (step: number): Metrics => ({
  step,
  reward: -1 + step / 50,
  kl: 0.1,
  entropy: 0.5,
  grad_norm: 2.5,
  frac_informative_groups: 0.75,
  coverage: 0.9,
  'completions/mean_length': 3,
  step_time: 0.05,
  'time/sample': 0.02,
  'time/train': 0.03,
  'tokens/computed': 1000,
});
const evaluation = (accuracy: number) => ({
  accuracy,
  correct: Math.round(200 * accuracy),
  total: 200,
  low: accuracy - 0.05,
  high: accuracy + 0.05,
  reward: 0,
  temperature: 0,
  meanLength: 3,
  seconds: 1,
});
const state = (changed: Partial<LiveState> = {}): LiveState => ({
  plan: plan(),
  last: metrics(40),
  phase: 'sampling',
  rewards: Array.from({ length: 40 }, (_, i) => i / 40),
  evaluations: [
    { step: 0, evaluation: evaluation(0.25) },
    { step: 40, evaluation: evaluation(0.5) },
  ],
  diagnoses: [{ title: 'entropy collapsed', level: 'bad', evidence: 'the entropy is 0.01 nats' }],
  elapsed: 125,
  left: 190,
  ...changed,
});
const plain = (columns: number, changed: Partial<LiveState> = {}) =>
  liveLines(state(changed), columns).map((line) => stripVTControlCharacters(line));

describe('a step without a reward', () => {
  it('is no reason to show a loss, or no number', () => {
    const lines: string[] = [];
    const report = new TrainReport({ write: (text: string) => void lines.push(text) });
    report.onPlan(plan({ steps: 2 }));
    for (const step of [1, 2]) {
      const { reward, ...without } = metrics(step);
      report.onStep(step === 1 ? without : { ...without, reward: reward! });
    }
    const text = stripVTControlCharacters(lines.join(''));
    expect(text).toMatch(/step 1\/2 {2}mean reward - /);
    expect(text).toMatch(/step 2\/2 {2}mean reward -0\.960 /);
    const last = metrics(40);
    delete last.reward;
    expect(plain(120, { last }).join('\n')).toMatch(/reward {3}▁/);
    expect(plain(120, { last, rewards: [] }).join('\n')).not.toMatch(/NaN|reward {3}/);
  });
});

describe('the live view', () => {
  it('says where the run is, how well it does and what that costs', () => {
    const text = plain(120).join('\n');
    for (const part of [
      'step 40/100',
      '40%  2 min 5 s gone, 3 min 10 s left',
      'reward   ▁',
      '+0.738',
      '+0.237 at the start',
      'held-out ▁█ 50.0%',
      '[45.0%, 55.0%]',
      '25.0% before',
      'kl 0.100',
      'informative groups 75%',
      'coverage 90%',
      '0.050 s a step',
      '20,000 tokens/s',
      'sample 0.020 s',
      'train 0.030 s',
      '! entropy collapsed: the entropy is 0.01 nats',
    ])
      expect(text).toContain(part);
  });

  it('shows validation beside held-out problems in a run that chooses', () => {
    const validations = [
      { step: 0, evaluation: evaluation(0.2) },
      { step: 40, evaluation: evaluation(0.6) },
    ];
    const named = (lines: string[]) => lines.filter((line) => /^(held-out|val) /.test(line));
    expect(named(plain(120, { validations }))).toEqual([
      expect.stringContaining('held-out ▁█ 50.0%'),
      expect.stringContaining('val      ▁█ 60.0%'),
    ]);
    expect(named(plain(120))).toHaveLength(1);
    for (const line of plain(20, { validations })) expect(line).not.toContain('60.0%');
  });

  it('keeps what matters most in a narrow window', () => {
    const text = plain(20).join('\n');
    for (const part of ['40/100', '40%', '+0.738', '50.0%', '! entropy collapsed'])
      expect(text).toContain(part);
  });

  it('fits every width from 20 columns up, at every moment of a run', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 160 }),
        fc.integer({ min: 0, max: 100_000 }),
        fc.boolean(),
        fc.constantFrom<'grpo' | 'sft'>('grpo', 'sft'),
        (columns, step, evaluated, kind) => {
          const learned: Metrics = metrics(step);
          if (kind === 'sft') delete learned.reward;
          const lines = liveLines(
            state({
              plan: plan({ kind, steps: 100_000 }),
              last: step === 0 ? undefined : learned,
              rewards:
                kind === 'sft' || step === 0 ? [] : Array.from({ length: Math.min(step, 300) }, (_, i) => i),
              ...(evaluated ? { validations: state().evaluations } : { evaluations: [] }),
              left: step === 0 ? NaN : 1e5,
            }),
            columns,
          );
          for (const line of lines) expect(stringWidth(line)).toBeLessThan(columns);
        },
      ),
    );
  });
});

describe('the live block', () => {
  it('draws over itself and keeps what is printed above', async () => {
    const screen = new Screen(40);
    const live = new LiveBlock(screen);
    live.draw(['one', 'two']);
    live.print('said');
    live.draw(['three', 'x'.repeat(100)]);
    expect(await screen.lines()).toEqual(['said', 'three', `${'x'.repeat(38)}…`]);
    live.end();
  });

  it.each([
    [60, 30],
    [60, 21],
    [30, 90],
    [24, 20],
  ])('leaves nothing behind when the window goes from %i to %i columns', async (from, to) => {
    const screen = new Screen(from);
    const live = new LiveBlock(screen);
    live.print('said before');
    const lines = () => ['', 'a'.repeat(screen.columns - 1), 'b'.repeat(15), 'c'.repeat(screen.columns - 1)];
    live.draw(lines);
    await screen.resize(to);
    live.print('said after');
    live.draw(lines);
    expect(await screen.lines()).toEqual(['said before', 'said after', ...lines()]);
    live.clear();
    expect(await screen.lines()).toEqual(['said before', 'said after']);
  });
});

describe('a run on a terminal', () => {
  const completion = (text: string): JudgedCompletion => ({
    prompt: '計算: 1 + 2 = ',
    answer: '3',
    completion: text,
    extracted: text.trim(),
    length: 1,
    ended: 'eos',
    reward: 1,
    advantage: 0,
    correct: true,
    ids: [1],
    logps: [-0.1],
  });

  it('is drawn whatever the completions are, at 20 columns too', async () => {
    for (const columns of [20, 100]) {
      const screen = new Screen(columns, 40);
      const report = new TrainReport(screen, { rows: 4, every: 1 });
      report.onPlan(plan());
      for (let step = 1; step <= 3; step++) {
        report.onCompletions(step, ['\x1b[2J\x1b[H', '3\n\n\n', '漢字👩‍👩‍👧‍👦', '\u202e3'].map(completion));
        report.onStep(metrics(step));
      }
      report.onEvaluate(3, evaluation(0.5));
      const lines = await screen.lines();
      const text = lines.join('\n');
      expect(text).toContain('GRPO');
      expect(text).toContain('\\x1b[2J');
      expect(text).toContain('\\u{202e}3');
      expect(text).toContain('漢字');
      // The bar is there once: the last drawing.
      expect(lines.filter((line) => line.includes('3/100'))).toHaveLength(1);
      report.close();
    }
  });
});
