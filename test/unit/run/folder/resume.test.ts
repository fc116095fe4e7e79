import { describe, expect, it } from 'vitest';
import { changeText, changesOf, refuseMeaningless } from '../../../../src/run/folder/resume.js';

describe('options that a resumed run changes', () => {
  const before = { learning_rate: 1e-6, beta: 0.1, task: 'arithmetic', output_dir: 'a', resume: false };

  it('are those that differ and are about the run', () => {
    const changes = changesOf(before, { ...before, beta: 0.2, output_dir: 'b', resume: true, new_option: 1 });
    expect(changes).toEqual([{ option: 'beta', before: 0.1, now: 0.2 }]);
    expect(changes.map(changeText)).toEqual(['beta 0.1 is now 0.2']);
    refuseMeaningless(changes);
  });

  it('may not be those that say which prompts a step has', () => {
    const changes = changesOf(before, { ...before, task: 'counting', learning_rate: 2e-6 });
    expect(() => refuseMeaningless(changes)).toThrow(
      expect.objectContaining({
        code: 'RESUME_CHANGED',
        message: `a resumed run can't go on with task "arithmetic" is now "counting"`,
        fix: expect.stringContaining('--init-from RUN') as string,
      }) as Error,
    );
  });
});
