import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Best } from '../../../../src/run/choosing.js';
import type { TrainSummary } from '../../../../src/run/events.js';
import type { Diagnosed } from '../../../../src/run/diagnosis/events.js';
import { ending, whatHappened } from '../../../../src/ui/terminal/ending.js';
import { plan } from '../../../support/plan.js';

const noticed = (
  diagnosis: string,
  began: number,
  ended?: number,
  level: Diagnosed['level'] = 'warning',
) => ({
  ...{ diagnosis, began, ended, level },
  ...{ title: diagnosis.replaceAll('_', ' '), evidence: '', remedies: [], metric: 'reward' },
});

describe('what was noticed', () => {
  it.each([
    ['once, and over', [noticed('no_gradient', 5, 20)], ['no gradient (warning), steps 5 to 20']],
    ['once, to the end', [noticed('no_gradient', 5)], ['no gradient (warning), from step 5 on']],
    [
      'again and again, as bad as it was at its worst',
      [noticed('no_gradient', 5, 20), noticed('kl_low', 9, 12), noticed('no_gradient', 30, 40, 'bad')],
      ['no gradient (bad), 2 times, steps 5 to 40', 'kl low (warning), steps 9 to 12'],
    ],
    [
      'again and again, to the end',
      [noticed('no_gradient', 5, 20), noticed('no_gradient', 30)],
      ['no gradient (warning), 2 times, from step 5 on'],
    ],
  ])('%s', (_, diagnoses, lines) => {
    expect(whatHappened(diagnoses).map(stripVTControlCharacters)).toEqual(lines);
  });
});

const summary = (changed: Partial<TrainSummary> = {}): TrainSummary => ({
  ...{ steps: 6, interrupted: false, seconds: 3, rewardFirst: undefined, rewardLast: undefined },
  ...{
    metricsLast: {},
    diagnoses: [],
    trainAccuracyLast: undefined,
    fracInformativeSteps: undefined,
    before: undefined,
    after: undefined,
  },
  ...{
    tokensSampledPerSecond: 0,
    tokensComputedPerSecond: 0,
    parameters: 1,
    trainableParameters: 1,
    peakMemory: 1,
  },
  phases: { sample: 0, reward: 0, reference: 0, train: 0, optimizer: 0 },
  ...{ outputDir: '/my runs/ä b', finalModel: '/my runs/ä b/final', checkpoint: undefined },
  ...changed,
});

describe('the ending', () => {
  const evaluation = (correct: number) => ({
    ...{ correct, total: 100, accuracy: correct / 100, low: correct / 100 - 0.1, high: correct / 100 + 0.1 },
    ...{ reward: 0, temperature: 0, meanLength: 1, seconds: 1 },
  });
  const best: Best = {
    ...{ step: 4, metric: 'accuracy', loaded: false, model: '/my runs/ä b/best' },
    ...{ validation: evaluation(71), heldOut: evaluation(66) },
  };
  const shown = (changed: Partial<TrainSummary>) =>
    stripVTControlCharacters(ending(summary({ after: evaluation(60), ...changed }), plan(), []));

  it('says which figure chose the best weights and which tells', () => {
    const text = shown({ best });
    expect(text).toContain(
      'step 4, chosen by validation accuracy 71.0% [61.0%, 81.0%]; held-out accuracy there 66.0% [56.0%, 76.0%], which tells',
    );
    expect(text).toMatch(/held-out accuracy 60\.0% \[50\.0%, 70\.0%\] \(60 of 100\)\n/);
    expect(text).toContain("--model '/my runs/ä b/final'");
  });

  it('is about the best weights where the run stands for them', () => {
    const text = shown({ best: { ...best, loaded: true }, after: best.heldOut });
    expect(text).toMatch(/held-out accuracy 66\.0% .*, of the best weights\n/);
    expect(text).toContain("--model '/my runs/ä b/best'");
  });

  it('says why a run ended before its last step', () => {
    const reason = 'validation accuracy was not better in 2 evaluations';
    const earlyEnd = { option: 'early_stopping_patience' as const, reason };
    expect(shown({ best, earlyEnd })).toContain(`Done: 6 steps in 3.0 s\nEnded before step 100: ${reason}\n`);
  });

  it.each<[number, number, string]>([
    [6, 0, 'Done: 6 steps in 3.0 s'],
    [6, 4, 'Done: 6 steps in 3.0 s'],
    [6, 6, 'Nothing was left to do: all 6 steps were taken already'],
  ])('of %d steps, resumed after %d: %s', (steps, startStep, head) => {
    const text = stripVTControlCharacters(ending(summary(), plan({ steps, startStep }), []));
    expect(text.split('\n')[1]).toBe(head);
  });

  it.each<[Partial<TrainSummary>, string, string | undefined]>([
    [{}, 'Say "it\'s": ', `grpo-native generate --model '/my runs/ä b/final' --prompt 'Say "it'\\''s": '`],
    [{}, '- one\n- two', `grpo-native generate --model '/my runs/ä b/final' --prompt=$'- one\\n- two'`],
    [{}, 'long '.repeat(100), undefined],
    [{ interrupted: true }, '', `grpo-native train --output-dir '/my runs/ä b' --resume`],
  ])('%j, prompt %j: %s', (changed, examplePrompt, command) => {
    const text = stripVTControlCharacters(ending(summary(changed), plan({ examplePrompt }), []));
    expect(/grpo-native .*/.exec(text)?.[0]).toBe(command);
  });

  it.each([
    [['user'], '--chat --prompt user'],
    [['system', 'user'], '--system-prompt system --prompt user'],
    [['user', 'assistant', 'user'], undefined],
    [['user', 'user'], undefined],
  ])('a conversation of %j: %s', (roles, options) => {
    const exampleMessages = roles.map((role) => ({ role, content: role }));
    const text = stripVTControlCharacters(ending(summary({}), plan({ exampleMessages }), []));
    const command = options && `grpo-native generate --model '/my runs/ä b/final' ${options}`;
    expect(/grpo-native generate .*/.exec(text)?.[0]).toBe(command);
  });
});
