/** The packed tarball, installed by a stranger and set up. Compiles the whole addon. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findLibtorch } from '../../src/engine/libtorch/find.js';
import { stranger, type DoctorReport } from '../support/stranger.js';

const { folder, project, withTools, run, install } = stranger();
beforeAll(() => {
  const { status, stderr } = install();
  expect(status, stderr).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed tarball', () => {
  it('is set up with a libtorch, after which the doctor is content', () => {
    const { libtorch } = findLibtorch();
    const args = ['grpo-native', 'setup', '--libtorch', libtorch.path, '--json'];
    const { status, stdout, stderr } = run('npx', args, withTools);
    expect(status, stderr).toBe(0);
    expect((JSON.parse(stdout) as { libtorch: { version: string } }).libtorch.version).toBe(libtorch.version);

    const doctor = run('npx', ['grpo-native', 'doctor', '--json'], withTools);
    const report = JSON.parse(doctor.stdout) as DoctorReport;
    expect(doctor.status, doctor.stdout).toBe(0);
    expect(report).toMatchObject({ ok: true, addon: { loads: true } });
    expect(['mkl', 'onednn']).toContain(report.addon.matrix_backend);
  });

  it('trains the embedded model', () => {
    const few = ['--max-steps', '1', '--eval-samples', '4', '--output-dir', 'first-run'];
    const { status, stderr } = run('npx', ['grpo-native', 'train', ...few], withTools);
    expect(status, stderr).toBe(0);
    const files = readdirSync(join(project, 'first-run'));
    expect(files).toEqual(expect.arrayContaining(['config.yaml', 'env.json', 'final', 'metrics.csv']));
  });

  it('has a doctor that survives a bad binary', () => {
    const addon = join(project, 'node_modules/grpo-native/build/native/Release/grpo_native.node');
    rmSync(addon);
    writeFileSync(addon, 'not a library');
    const { status, stdout } = run('npx', ['grpo-native', 'doctor', '--json']);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(status).toBe(1);
    expect(report.problems.map(({ code }) => code)).toContain('ADDON_BROKEN');
  });
});
