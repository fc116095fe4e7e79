/**
 * Takes the pictures of `docs/pictures`: `npm run build && npx tsx scripts/pictures.ts [--runs FOLDER]`.
 * The runs are made where they aren't there yet: two of the embedded model, a minute or two on two cores.
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

const PRESETS = ['arithmetic-baseline', 'arithmetic-no-kl'];
const folders = PRESETS.map((preset) => resolve(runs, preset));
for (const [i, folder] of folders.entries()) {
  const made = existsSync(join(folder, 'summary.json'));
  if (!made) cli('train', '--model', 'tiny', '--preset', PRESETS[i]!, '--output-dir', folder, '--quiet');
  cli('report', folder);
}
const comparison = resolve(runs, 'comparison.html');
cli('report', ...folders, '--output', comparison);

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

const report = (i: number) => join(folders[i]!, 'report.html');
const at = (id: string) => async (page: Page) => {
  await page.evaluate(`document.getElementById('${id}').scrollIntoView()`);
  await page.waitForTimeout(300);
};
await picture('page-light', report(0), {});
await picture('page-dark', report(1), { dark: true });
await picture('page-problems', report(0), { height: 1000, prepare: at('problems') });
await picture('page-phone', report(0), { width: 390, height: 844 });
await picture('page-compare', comparison, { height: 1100 });
await browser.close();
