/** `--dtype auto`: what is faster on this machine, and what a run began with where it goes on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cli } from '../support/cli.js';
import { temporaryFolder } from '../support/fixtures.js';

it('measures, says why, and leaves a run in the number format that it began with', async () => {
  const folder = temporaryFolder();
  const env = { GRPO_NATIVE_CACHE: join(folder, 'cache') };
  const cached = join(folder, 'cache', 'bfloat16.json');
  const remembered = () => JSON.parse(readFileSync(cached, 'utf8')) as Record<string, Record<string, number>>;
  const remember = (speed: number) => {
    const all = Object.entries(remembered()).map(([key, value]) => [key, { ...value, speed }]);
    writeFileSync(cached, JSON.stringify(Object.fromEntries(all)));
  };
  const train = (steps: number, run: string, ...more: string[]) =>
    cli(
      [
        ...['train', '--model', 'tiny', '--dtype', 'auto', '--eval-samples', '0', '--save-steps', '1'],
        ...['--max-steps', String(steps), '--no-probe', '--output-dir', join(folder, run), ...more],
      ],
      { env },
    );
  const environment = (run: string) =>
    JSON.parse(readFileSync(join(folder, run, 'env.json'), 'utf8')) as Record<string, unknown>;

  const first = await train(1, 'measured');
  expect(first.code, first.stderr).toBe(0);
  const [measured] = Object.values(remembered());
  const dtype = measured!.speed! > 1.2 ? 'bfloat16' : 'float32';
  expect(environment('measured')).toMatchObject({ dtype, bfloat16: { speed: measured!.speed } });
  expect(first.stdout).toContain(`dtype auto is ${dtype}: this processor multiplies bfloat16`);

  // As if it were another machine.
  for (const [speed, began] of [
    [2, 'bfloat16'],
    [0.5, 'float32'],
  ] as const) {
    remember(speed);
    expect((await train(1, began)).code).toBe(0);
    expect(environment(began).dtype).toBe(began);
    remember(1 / speed);
    const resumed = await train(2, began, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stdout).toContain(`dtype auto is ${began}, as the run began`);
    const [sitting] = environment(began).resumed as Record<string, unknown>[];
    expect(sitting).not.toHaveProperty('dtype');
  }
});
