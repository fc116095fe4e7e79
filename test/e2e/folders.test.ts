/** Folders of models and libraries as machines have them: made of links, or shadowed by a variable. */
import { copyFileSync, existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addonPath } from '../../src/machine/paths.js';
import { cli } from '../support/cli.js';
import { fixtureModel, temporaryFolder } from '../support/fixtures.js';

describe('a model folder of links', () => {
  it('is followed by commands that save nothing, and refused by those that would save what it leads to', async () => {
    const folder = temporaryFolder();
    const original = fixtureModel('qwen2-tied');
    for (const name of readdirSync(original)) symlinkSync(join(original, name), join(folder, name));
    const model = ['--model', folder, '--threads', '1'];
    const stdin = '{"prompt":"1 + 1 = ","completion":"2"}\n';
    const few = ['--max-steps', '1', '--batch-size', '16', '--num-generations', '4', '--eval-samples', '0'];
    for (const [args, options] of [
      [['generate', ...model, '--prompt', '1 + 1 = ', '--max-completion-length', '2'], {}],
      [['eval', ...model, '--samples', '2', '--max-completion-length', '2'], {}],
      [['score', ...model], { stdin }],
      [['plan', ...model, ...few], {}],
    ] as const)
      expect(await cli([...args], options), args[0]).toMatchObject({ code: 0, stderr: '' });

    const run = join(temporaryFolder(), 'run');
    const refused = await cli(['train', ...model, ...few, '--output-dir', run]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('MODEL_LINK');
    expect(existsSync(run)).toBe(false);
  });
});

describe('LD_LIBRARY_PATH with another libc10', () => {
  const stamp = join(dirname(dirname(addonPath())), 'libtorch.json');

  it.runIf(process.platform === 'linux')(
    'is named by commands that load the engine, and by doctor',
    async () => {
      const { path } = JSON.parse(readFileSync(stamp, 'utf8')) as { path: string };
      const shadow = temporaryFolder();
      copyFileSync(join(path, 'lib', 'libtorch.so'), join(shadow, 'libc10.so'));
      const env = { LD_LIBRARY_PATH: shadow };
      const generate = await cli(['generate', '--model', 'tiny', '--prompt', '1'], { env });
      expect(generate.code).toBe(1);
      expect(generate.stderr).toContain(`fix: unset LD_LIBRARY_PATH, or leave ${shadow} out of it`);
      const doctor = await cli(['doctor', '--json'], { env });
      const { problems } = JSON.parse(doctor.stdout) as { problems: { code: string; fix: string }[] };
      expect(problems.find(({ code }) => code === 'ADDON_BROKEN')?.fix).toMatch(/^unset LD_LIBRARY_PATH/);
    },
  );
});
