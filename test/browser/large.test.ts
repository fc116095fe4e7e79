/** A long run: loaded in parts, its curves thinned, and smooth all the same. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOST_POINTS } from '../../src/ui/server/curves.js';
import { writeReport } from '../../src/ui/server/report.js';
import { serveRun } from '../../src/ui/server/serve.js';
import { openChromium } from '../support/chromium.js';
import { appendSteps, writeRun, type MadeRun } from '../support/run-folder.js';
import { chartText, open } from './support.js';

const RUN: MadeRun = { steps: 10_000, promptsPerStep: 6, problems: 5000, evalSteps: 100, ended: false };

let browser: Browser;
let folder: string;
beforeAll(async () => {
  browser = await openChromium();
  folder = writeRun(mkdtempSync(join(tmpdir(), 'grpo-native-test-')), RUN);
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Longest time, in milliseconds, between two frames while something is done; a page that is stuck draws none. */
async function longestPause(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const state = { longest: 0, last: performance.now() };
    Object.assign(globalThis, { pause: state });
    const frame = (now: number) => {
      state.longest = Math.max(state.longest, now - state.last);
      state.last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await act();
  return page.evaluate(() => (globalThis as unknown as { pause: { longest: number } }).pause.longest);
}

/** Of a person who drags the slider from end to end, sorts the problems and scrolls through them. */
async function useAll(page: Page): Promise<void> {
  const slider = page.locator('#completions').getByRole('slider');
  const last = Number(await slider.getAttribute('max'));
  for (let i = 0; i <= 20; i++) await slider.fill(String(Math.round((last * i) / 20)));
  await page.locator('#map-order').selectOption('hardest');
  const map = (await page.locator('#problems .map').boundingBox())!;
  await page.mouse.move(map.x + 300, map.y + 200);
  for (let i = 0; i < 10; i++) await page.mouse.wheel(0, 400);
}

/** A tenth of a second is what a person notices; a machine that does something else as well needs some more. */
const MOST_PAUSE = 1000;

describe('a run of 10,000 steps and 480,000 completions, of which 90,000 differ', () => {
  it('is one file that opens and is smooth', async () => {
    const file = join(folder, 'report.html');
    await writeReport(file, [folder]);
    const megabytes = statSync(file).size / 1e6;
    const { page, errors } = await open(browser, pathToFileURL(file).href);
    expect(await chartText(page, 'Reward')).toContain('at step 10000');
    await expect
      .poll(() => page.locator('#problems canvas').getAttribute('aria-label'))
      .toContain('5000 problems');
    const pause = await longestPause(page, () => useAll(page));
    const loaded = await page.evaluate(() => performance.getEntriesByType('navigation')[0]!.duration);
    console.log(
      `report: ${megabytes.toFixed(1)} MB, loaded in ${loaded.toFixed(0)} ms, longest pause ${pause.toFixed(0)} ms`,
    );
    expect(errors).toEqual([]);
    expect(megabytes).toBeLessThan(10);
    expect(pause).toBeLessThan(MOST_PAUSE);
  });

  it('is served in parts, and goes on', async () => {
    const server = await serveRun(folder, { host: '127.0.0.1', port: 0 });
    const { page, requests } = await open(browser, server.url);
    await expect.poll(() => page.locator('.connection').innerText()).toBe('live');
    const pause = await longestPause(page, async () => {
      await useAll(page);
      appendSteps(folder, { ...RUN, steps: 10_010 }, 10_001, 10_010);
      await expect.poll(() => chartText(page, 'Reward')).toContain('at step 10010');
    });
    const sizes = await page.evaluate(() =>
      performance.getEntriesByType('resource').map((entry) => {
        const { name, transferSize } = entry as PerformanceResourceTiming;
        return { name: new URL(name).pathname + new URL(name).search, kilobytes: transferSize / 1e3 };
      }),
    );
    const kilobytes = sizes.reduce((sum, one) => sum + one.kilobytes, 0);
    console.log(
      `watch: ${kilobytes.toFixed(0)} kB in ${sizes.length} parts, longest pause ${pause.toFixed(0)} ms`,
    );
    expect(requests.filter((one) => one.includes('api/completions')).length).toBeLessThan(40);
    expect(kilobytes).toBeLessThan(3000);
    expect(pause).toBeLessThan(MOST_PAUSE);
    const run = (await (await fetch(`${server.url}api/run`)).json()) as { curves: { steps: number[] } };
    expect(run.curves.steps.length).toBeLessThanOrEqual(MOST_POINTS);
    await page.context().close();
    await server.close();
  });
});
