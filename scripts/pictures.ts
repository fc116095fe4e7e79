/**
 * Takes the pictures of `docs/pictures`: `npm run build && npx tsx scripts/pictures.ts [--runs FOLDER]`.
 * The runs are made where they aren't there yet: three of the embedded model, some minutes on two cores.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { cliPath } from '../test/support/cli.js';
import { openChromium } from '../test/support/chromium.js';

const pictures = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
const { runs } = parseArgs({ options: { runs: { type: 'string', default: 'runs/pictures' } } }).values;
const cli = (...args: string[]) => execFileSync(process.execPath, [cliPath, ...args], { stdio: 'inherit' });

const OPTIONS = {
  healthy: [],
  baseline: ['--preset', 'arithmetic-baseline'],
  'no-kl': ['--preset', 'arithmetic-no-kl'],
};
type Run = keyof typeof OPTIONS;
const folder = (run: Run) => resolve(runs, run);
const report = (run: Run) => join(folder(run), 'report.html');

for (const [run, options] of Object.entries(OPTIONS) as [Run, string[]][]) {
  if (!existsSync(join(folder(run), 'summary.json')))
    cli('train', '--model', 'tiny', ...options, '--output-dir', folder(run), '--quiet');
  cli('report', folder(run));
}
const comparison = resolve(runs, 'comparison.html');
cli('report', ...(Object.keys(OPTIONS) as Run[]).map(folder), '--output', comparison);

const browser = await openChromium();

async function picture(
  name: string,
  file: string,
  how: { dark?: boolean; width?: number; height?: number; prepare?: (page: Page) => Promise<void> },
): Promise<void> {
  const page = await browser.newPage({
    viewport: { width: how.width ?? 1200, height: how.height ?? 900 },
    colorScheme: how.dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  await page.goto(pathToFileURL(file).href);
  await page.locator('section#curves canvas').first().waitFor();
  await how.prepare?.(page);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
  await page.close();
}

const at = (id: string) => async (page: Page) => {
  await page.evaluate(`document.getElementById('${id}').scrollIntoView()`);
  await page.waitForTimeout(300);
};
await picture('page-light', report('healthy'), {});
await picture('page-dark', report('no-kl'), { dark: true });
await picture('page-problems', report('baseline'), { height: 1000, prepare: at('problems') });
await picture('page-phone', report('baseline'), { width: 390, height: 844 });
await picture('page-compare', comparison, { height: 1450 });
await browser.close();
