/** `doctor --gpu` on the CPU and on the test device: the parts themselves, on small shapes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { GpuReport } from '../../bench/gpu/part.js';
import { PARTS } from '../../bench/gpu/parts/index.js';
import { cli } from '../support/cli.js';
import { testDevicePath } from '../support/device.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'gpu-check-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('doctor --gpu', () => {
  it.each<[string, Record<string, string>]>([
    ['cpu', {}],
    // The library registers the device in the processes of the parts too.
    ['privateuseone', { NODE_OPTIONS: `--require ${testDevicePath()}` }],
  ])('passes every part where the device is %s', async (device, env) => {
    const out = folder();
    const args = ['doctor', '--gpu', '--device', device, '--output-dir', out, '--json'];
    const { code, stdout, stderr } = await cli(args, { env });
    const report = JSON.parse(stdout) as GpuReport;
    const ended = report.parts.map(({ name, status, note }) => `${name}: ${note ?? status}`);
    expect(ended, stderr).toEqual(
      PARTS.map(({ name }) => (name === 'trl' ? 'trl: TRL is measured on a GPU only' : `${name}: passed`)),
    );
    expect(code).toBe(0);
    expect(report.passed).toBe(true);
    for (const { name, kind, figures } of report.parts) {
      // Every check but the first has something that it would have failed by.
      if (kind === 'check' && name !== 'machine')
        expect(figures.some(({ passed }) => passed !== undefined)).toBe(true);
      if (name !== 'trl') expect(figures.length).toBeGreaterThan(0);
    }
    expect(JSON.parse(readFileSync(join(out, 'gpu-check.json'), 'utf8'))).toEqual(report);
    expect(readFileSync(join(out, 'gpu-check.md'), 'utf8')).toContain('all checks passed');
  });

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
