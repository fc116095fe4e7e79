import { describe, expect, it } from 'vitest';
import { changeText, changesOf, refuseMeaningless } from '../../../../src/run/folder/resume.js';

describe('options that a resumed run changes', () => {
  const before = { learning_rate: 1e-6, beta: 0.1, task: 'arithmetic', output_dir: 'a', resume: false };

  it('are those that differ and are about the run', () => {
    const changes = changesOf(before, { ...before, beta: 0.2, output_dir: 'b', resume: true, new_option: 1 });
    expect(changes).toEqual([{ option: 'beta', before: 0.1, now: 0.2 }]);
    expect(changes.map(changeText)).toEqual(['beta 0.1 is now 0.2']);
    refuseMeaningless(changes, before, before);
  });

  it('may not be those that say which prompts a step has', () => {
    const changes = changesOf(before, { ...before, task: 'counting', learning_rate: 2e-6 });
    expect(() => refuseMeaningless(changes, before, before)).toThrow(
      expect.objectContaining({
        code: 'RESUME_CHANGED',
        message: `a resumed run can't go on with task "arithmetic" is now "counting"`,
        fix: expect.stringContaining('--init-from RUN') as string,
      }) as Error,
    );
  });

  it.each([['use_peft'], ['lora_r'], ['lora_alpha'], ['lora_target_modules'], ['use_rslora']])(
    'may not be what learns: %s',
    (option) => {
      const then = { ...before, [option]: 1 };
      const changes = changesOf(then, { ...then, [option]: 2 });
      expect(() => refuseMeaningless(changes, then, then)).toThrow(`${option} 1 is now 2`);
    },
  );

  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['chooses from now on', {}, { early_stopping_patience: 2 }, 'trained on the validation problems'],
    ['chooses no more', { stop_at_accuracy: 0.9 }, {}, '--metric-for-best-model accuracy'],
    [
      'chooses by another',
      { metric_for_best_model: 'reward' },
      { metric_for_best_model: 'accuracy' },
      'reward',
    ],
  ])('may not be what the best weights are chosen by: %s', (_what, was, is, part) => {
    const never = { early_stopping_patience: null, stop_at_accuracy: null, metric_for_best_model: null };
    const [then, now] = [
      { ...before, ...never, ...was },
      { ...before, ...never, ...is },
    ];
    let thrown: unknown;
    try {
      refuseMeaningless(changesOf(then, now), then, now);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'RESUME_CHANGED' });
    const { message, fix } = thrown as { message: string; fix: string };
    expect(`${message}: ${fix}`).toContain(part);
  });

  it('may be when a run that chooses is to end', () => {
    const then = { ...before, early_stopping_patience: 2, load_best_model_at_end: false };
    for (const is of [
      { early_stopping_patience: 5 },
      { early_stopping_patience: null, metric_for_best_model: 'eval_accuracy' },
      { load_best_model_at_end: true },
    ])
      refuseMeaningless(changesOf(then, { ...then, ...is }), then, { ...then, ...is });
  });
});
