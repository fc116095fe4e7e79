/** `doctor --gpu` where there is no GPU: the parts themselves, on small shapes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { GpuReport } from '../../bench/gpu/part.js';
import { PARTS } from '../../bench/gpu/parts/index.js';
import { cli } from './cli.js';
import { temporaryFolder } from './fixtures.js';

export async function expectToPassEveryPart(device: string, env: Record<string, string>): Promise<void> {
  const out = temporaryFolder();
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
}
