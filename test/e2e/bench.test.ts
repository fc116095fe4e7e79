/** `bench` in child processes, on the embedded model. */
import { describe, expect, it } from 'vitest';
import type { CaseReport } from '../../bench/report.js';
import type { BenchReport } from '../../bench/runner.js';
import { cli } from '../support/cli.js';

describe('bench', () => {
  it('prints one JSON object with every phase, alone on standard output', async () => {
    const { code, stdout } = await cli(['bench', 'tiny', 'start', '--steps', '1', '--warmup', '1', '--json']);
    expect(code).toBe(0);
    const { limits, cases, torch } = JSON.parse(stdout) as BenchReport;
    expect(torch).toMatch(/^2\./);
    expect(limits.float32.mkl).toBeGreaterThan(0);
    expect(limits.copy).toBeGreaterThan(0);
    const [tiny, start] = cases as [CaseReport, CaseReport];
    expect(tiny).toMatchObject({
      case: 'tiny',
      weights: 'checkpoint',
      num_generations: 16,
      dtype: 'float32',
    });
    expect(Object.keys(tiny.phases!)).toEqual(['sample', 'reference', 'train', 'optimizer', 'step']);
    for (const phase of Object.values(tiny.phases!)) {
      expect(phase.seconds.median).toBeGreaterThan(0);
      expect(phase.tokens_per_second.median).toBeGreaterThan(phase.distinct_tokens_per_second.median);
      expect(phase.share_of_limit.median).toBeGreaterThan(0);
    }
    // The prompt once a completion: 512 of at least ten tokens.
    expect(tiny.tokens!.trl).toBeGreaterThan(5120);
    expect(tiny.tokens!.distinct).toBeLessThan(tiny.tokens!.trl);
    expect(tiny.peak_memory).toBeGreaterThan(2 ** 20);
    expect(start.phases).toBeUndefined();
    expect(start.start.first_token.median).toBeGreaterThan(start.start.load.median);
  });

  it.each<[string, string[], string, RegExp]>([
    ['an unknown case', ['tinny'], 'UNKNOWN_CASE', /did you mean tiny\?/],
    ['an unknown option', ['tiny', '--stpes', '1'], 'UNKNOWN_OPTION', /--steps/],
    ['an unknown model', ['tiny', '--model', 'no-such-model'], 'MODEL_NOT_FOUND', /hub id/],
    ['a python that is none', ['tiny', '--peer-python', '/nowhere/python'], 'PEER_PYTHON', /--peer-python/],
    // Node runs, but not as a Python does.
    ['a peer that is no python', ['tiny', '--peer-python', process.execPath], 'PEER_PYTHON', /interpreter/],
  ])('%s: exit code 2 before any work', async (_what, args, code, fix) => {
    // Nothing of it may need the addon.
    const env = { GRPO_NATIVE_ADDON: '/nowhere/grpo_native.node' };
    const result = await cli(['bench', ...args], { env });
    expect(result.stderr).toMatch(new RegExp(`error ${code}: `));
    expect(result.stderr.split('fix: ')[1]).toMatch(fix);
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });

  it('lists its cases', async () => {
    const { code, stdout } = await cli(['bench', '--list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/journal-64 .*4 x 64/);
    expect((await cli(['bench', 'gradients', '--list'])).stdout).toBe(stdout);
  });

  it('has a picture of gradients alone', async () => {
    const { code, stderr } = await cli(['bench', 'journal', '--svg', 'a.svg']);
    expect(stderr).toMatch(/^error BAD_COMBINATION: only gradients has a picture/);
    expect(stderr).toContain('grpo-native bench gradients --svg a.svg');
    expect(code).toBe(2);
  });

  it.each([
    ['another case', ['gradients', 'journal']],
    ['an option that it does not read', ['gradients', '--dtype', 'bfloat16']],
  ])('takes gradients by itself: %s', async (_what, args) => {
    const { code, stderr } = await cli(['bench', ...args]);
    expect(stderr).toMatch(/^error BAD_COMBINATION: /);
    expect(code).toBe(2);
  });
});
