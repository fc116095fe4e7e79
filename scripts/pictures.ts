/**
 * Takes the pictures of `docs/pictures`:
 *
 *     npm run build && npx tsx scripts/pictures.ts [--runs FOLDER] [--tensorboard venv/bin/tensorboard]
 *
 * Runs that don't exist in FOLDER are made first: four of the embedded model, two minutes on two idle cores.
 * The picture of TensorBoard is taken only with --tensorboard.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { cliPath } from '../test/support/cli.js';
import { openChromium } from '../test/support/chromium.js';

const pictures = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
const { runs, tensorboard } = parseArgs({
  options: { runs: { type: 'string', default: 'runs/pictures' }, tensorboard: { type: 'string' } },
}).values;
const cli = (...args: string[]) => execFileSync(process.execPath, [cliPath, ...args], { stdio: 'inherit' });

const OPTIONS = {
  healthy: [],
  baseline: ['--preset', 'arithmetic-baseline'],
  'no-kl': ['--preset', 'arithmetic-no-kl'],
  sampled: (
    '--problem-sampling posterior --estimator exact --num-generations 32 --sampling-temperature 1 ' +
    '--max-steps 60'
  ).split(' '),
};
const COMPARED: Run[] = ['healthy', 'baseline', 'no-kl'];
type Run = keyof typeof OPTIONS;
const folder = (run: Run) => resolve(runs, run);
const report = (run: Run) => join(folder(run), 'report.html');

/** The escape sequence with which log-update ends an update (mode 2026, synchronized output). */
const UPDATED = '\x1b[?2026l';
const COLUMNS = 112;
const ROWS = 32;
const recording = (run: Run) => resolve(runs, `${run}.terminal`);

/** Trains in a pseudo-terminal and records its output. */
function train(run: Run, options: readonly string[]): void {
  mkdirSync(runs, { recursive: true });
  const command = [process.execPath, cliPath, 'train', '--model', 'tiny', ...options];
  command.push('--report-to', 'tensorboard', '--output-dir', folder(run));
  const sized = `stty cols ${COLUMNS} rows ${ROWS}; exec ${command.map((word) => `'${word}'`).join(' ')}`;
  execFileSync('script', ['-qec', sized, recording(run)], {
    stdio: 'ignore',
    env: { ...process.env, TERM: 'xterm-256color' },
  });
}

for (const [run, options] of Object.entries(OPTIONS) as [Run, string[]][]) {
  if (!existsSync(join(folder(run), 'summary.json'))) train(run, options);
  cli('report', folder(run));
}
const comparison = resolve(runs, 'comparison.html');
cli('report', ...COMPARED.map(folder), '--output', comparison);

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
await picture('page-sampled', report('sampled'), { height: 790, prepare: at('sampled') });
await picture('page-phone', report('baseline'), { width: 390, height: 844 });
await picture('page-compare', comparison, { height: 1450 });

/** Takes a picture of the terminal after the update in which it first showed `text`; without `text`, at the end. */
async function terminal(name: string, run: Run, text?: RegExp): Promise<void> {
  const xterm = (file: string) => createRequire(import.meta.url).resolve(`@xterm/xterm/${file}`);
  const shown = readFileSync(recording(run), 'utf8')
    .replace(/^Script started.*\n/, '')
    .replace(/\nScript done.*\n$/, '');
  const from = text ? shown.search(text) : shown.length;
  if (from < 0) throw new Error(`${recording(run)} never shows ${String(text)}`);
  const end = text ? shown.indexOf(UPDATED, from) : from;
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, deviceScaleFactor: 1.5 });
  await page.setContent(
    '<div id="terminal" style="display: inline-block; padding: 12px; background: #1b1d23"></div>',
  );
  await page.addStyleTag({ path: xterm('css/xterm.css') });
  await page.addScriptTag({ path: xterm('lib/xterm.js') });
  await page.evaluate(
    `new Promise((done) => {
      const terminal = new Terminal({ cols: ${COLUMNS}, rows: ${ROWS}, fontSize: 14, scrollback: 0, theme: { background: '#1b1d23' }, cursorInactiveStyle: 'none' });
      terminal.open(document.getElementById('terminal'));
      terminal.write(${JSON.stringify(shown.slice(0, end))}, () => requestAnimationFrame(() => requestAnimationFrame(done)));
    })`,
  );
  await page.locator('#terminal').screenshot({ path: join(pictures, `${name}.png`) });
  await page.close();
}
await terminal('terminal-live', 'healthy', /step 13\d\d\//);
await terminal('terminal-no-kl', 'no-kl');

if (tensorboard !== undefined) {
  const port = '6117';
  const SHOWN = encodeURIComponent('^(train/(reward|kl|entropy)|eval/accuracy)$');
  const server = spawn(tensorboard, ['--logdir', resolve(runs), '--port', port], { stdio: 'ignore' });
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    for (let tries = 0; tries < 60; tries++) {
      const reached = await page
        .goto(`http://127.0.0.1:${port}/?tagFilter=${SHOWN}#timeseries`)
        .catch(() => undefined);
      if (reached) break;
      await page.waitForTimeout(1000);
    }
    await page.getByText('train/reward').first().waitFor({ timeout: 60_000 });
    // TensorBoard draws the curves after the cards that hold them.
    await page.waitForTimeout(5000);
    await page.screenshot({ path: join(pictures, 'tensorboard.png') });
  } finally {
    server.kill();
  }
}
await browser.close();
