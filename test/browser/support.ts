/** Pages in a real browser, watched for whatever goes wrong in them. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { writeReport } from '../../src/ui/server/report.js';
import { temporaryFolder } from '../support/fixtures.js';
import { writeRun, type MadeRun } from '../support/run-folder.js';

export interface Opened {
  page: Page;
  /** Errors, warnings of the content security policy among them. */
  errors: string[];
  /** Everything that was asked for beside the page itself. */
  requests: string[];
}

export async function open(
  browser: Browser,
  url: string,
  { width = 1200, dark = false, offline = url.startsWith('file:') } = {},
): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    offline,
  });
  return openIn(await context.newPage(), url);
}

export async function openIn(page: Page, url: string): Promise<Opened> {
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('request', (request) => {
    if (request.url() !== url) requests.push(request.url());
  });
  await page.goto(url);
  await page.locator('#curves canvas').first().waitFor();
  return { page, errors, requests };
}

/** Of made-up runs. */
export async function reportOf(...runs: (MadeRun & { name?: string })[]): Promise<string> {
  const parent = temporaryFolder();
  const folders = runs.map((run, i) => writeRun(join(parent, run.name ?? `run-${i + 1}`), run));
  const file = join(parent, 'report.html');
  await writeReport(file, folders);
  return pathToFileURL(file).href;
}

/** Colour of a canvas where a share of its width and height lies: red, green and blue. */
export const pixel = (canvas: Locator, x: number, y: number): Promise<number[]> =>
  canvas.evaluate(
    (element, at) => {
      const own = element as HTMLCanvasElement;
      const [left, top] = [Math.floor(at.x * own.width), Math.floor(at.y * own.height)];
      return [...own.getContext('2d')!.getImageData(left, top, 1, 1).data.slice(0, 3)];
    },
    { x, y },
  );

/** Colour of a chart where a share of the width and height lies that its curves have, from the left and from the top. */
export async function plotPixel(page: Page, title: string, x: number, y: number): Promise<number[]> {
  const figure = chart(page, title);
  const plot = await figure.evaluate((element) => {
    const [frame, whole] = ['.u-over', 'canvas'].map((name) =>
      element.querySelector(name)!.getBoundingClientRect(),
    );
    return {
      left: (frame!.left - whole!.left) / whole!.width,
      width: frame!.width / whole!.width,
      top: (frame!.top - whole!.top) / whole!.height,
      height: frame!.height / whole!.height,
    };
  });
  return pixel(figure.locator('canvas'), plot.left + plot.width * x, plot.top + plot.height * y);
}

/** Of the style sheet: red, green and blue. */
export async function colorOf(page: Page, name: string): Promise<number[]> {
  const hex = await page.evaluate(
    (own) => getComputedStyle(document.documentElement).getPropertyValue(own).trim(),
    name,
  );
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** Text of the chart of a name, for those who can't see it. */
export const chartText = (page: Page, title: string): Promise<string | null> =>
  chart(page, title).locator('.plot').getAttribute('aria-label');

export const chart = (page: Page, title: string): Locator =>
  page.locator('figure.chart', { has: page.locator(`figcaption strong:text-is("${title}")`) });

export async function expectNoOverflow(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(content).toBeLessThanOrEqual(window);
}
