/** `doctor --gpu` on the CPU; test/release has it on the test device, the native tests its parts there. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cli } from '../support/cli.js';
import { expectToPassEveryPart } from '../support/gpu-check.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'gpu-check-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('doctor --gpu', () => {
  it('passes every part on the CPU', () => expectToPassEveryPart('cpu', {}));

  it.each<[string, string[], string, RegExp]>([
    ['a GPU that is not there', ['--gpu', '--device', 'cuda:99'], 'DEVICE_MISSING', /--device cpu/],
    ['a device that is none', ['--gpu', '--device', 'tpu'], 'BAD_OPTION', /cuda:N/],
    ['no time', ['--gpu', '--minutes', '0'], 'BAD_OPTION', /minutes/],
    ['its options without it', ['--device', 'cpu'], 'USAGE', /add --gpu/],
  ])('%s: exit code 2', async (_what, args, code, fix) => {
    const cwd = folder();
    const { stderr, ...result } = await cli(['doctor', ...args], { cwd });
    expect(stderr).toMatch(new RegExp(`error ${code}: `));
    expect(stderr.split(`error ${code}`)[1]).toMatch(fix);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(readdirSync(cwd)).toEqual([]);
  });
});
