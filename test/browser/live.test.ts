/** The page of a run that goes on, served by `watch` and `train --page`. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveRun, type PageServer } from '../../src/ui/server/serve.js';
import { cli, jsonLines } from '../support/cli.js';
import { openChromium } from '../support/chromium.js';
import { appendDiagnosis, appendSteps, writeRun, writeSummary, type MadeRun } from '../support/run-folder.js';
import { chartText, open, openIn } from './support.js';

const RUN: MadeRun = { steps: 40, ended: false };
const PORT = 17_788;

let browser: Browser;
beforeAll(async () => {
  browser = await openChromium();
});
afterAll(() => browser.close());

let folder: string;
let server: PageServer;
/** A run at step 10 of 40, served. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grpo-native-test-'));
  writeRun(folder, { ...RUN, steps: 40 });
  cutTo(10);
  server = await serveRun(folder, { host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function cutTo(step: number): void {
  for (const name of ['metrics.jsonl', 'completions.jsonl']) {
    const lines = readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
    const kept = lines.filter((line) => (JSON.parse(line) as { step: number }).step <= step);
    rmSync(join(folder, name));
    writeFileSync(join(folder, name), kept.map((line) => `${line}\n`).join(''));
  }
}

/** The last step that sampled for a problem, in the table of them. */
const lastSampled = (page: Page, problem: number): Locator =>
  page
    .locator('#sampled table.numbers tbody tr', { hasText: `${problem} + 1` })
    .locator('td')
    .nth(2);

/** Status, headers and text of an answer. */
function ask(path: string, { method = 'GET', host = '127.0.0.1' } = {}) {
  const { port } = new URL(server.url);
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((done, fail) => {
    request({ host: '127.0.0.1', port, path, method, headers: { Host: host } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => done({ status: response.statusCode!, headers: response.headers, text }));
    })
      .on('error', fail)
      .end();
  });
}

describe('the server', () => {
  it('listens on loopback alone, and answers nobody whose page calls it by another name', async () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    for (const path of ['/', '/api/run', '/api/events', '/page.js'])
      expect(await ask(path, { host: 'evil.example' })).toMatchObject({ status: 403 });
    expect((await ask('/api/run')).status).toBe(200);
    expect((await ask('/api/run', { host: 'localhost:7788' })).status).toBe(200);
  });

  it('changes nothing, and shows no other file', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect((await ask('/api/run', { method })).status).toBe(405);
    for (const path of ['/config.yaml', '/../package.json', '/%2e%2e/package.json', '/api', '/page.js/..%2f'])
      expect((await ask(path)).status).toBe(404);
    expect(JSON.parse((await ask('/api/completions?step=__proto__')).text)).toEqual([]);
  });

  it('tells browsers to obey nothing but its own script', async () => {
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toMatch(/default-src 'none'.*script-src 'self';/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('says when its port is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(serveRun(folder, { host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
  });
});

describe('the page of a run that goes on', () => {
  it('shows steps, evaluations and what is noticed as they come', async () => {
    const { page, errors } = await open(browser, server.url);
    const state = page.locator('.connection');
    await expect.poll(() => state.innerText()).toBe('live');
    expect(await page.locator('#overview').innerText()).toMatch(/steps\s+10\s+of 40/);
    expect(await chartText(page, 'Reward')).toContain('at step 10');

    appendSteps(folder, RUN, 11, 15);
    appendDiagnosis(folder, 15);
    await expect.poll(() => chartText(page, 'Reward')).toContain('at step 15');
    expect(await chartText(page, 'Accuracy')).toMatch(/held-out: .* at step 15/);
    expect(await page.locator('#diagnosis').innerText()).toContain('KL running away from step 15 on');
    expect(await page.locator('#overview').innerText()).toMatch(/steps\s+15\s+of 40/);
    expect(await page.locator('#problems canvas').getAttribute('aria-label')).toContain('over 15 steps');
    // Two problems a step: the last of eight was met at step 12 once more.
    expect(await lastSampled(page, 7).innerText()).toBe('12');
    // Who looks at the newest completions goes on doing so.
    expect(await page.locator('#completions input[type=number]').inputValue()).toBe('15');

    appendSteps(folder, RUN, 16, 40);
    writeSummary(folder, 40);
    await expect.poll(() => state.innerText()).toBe('ended');
    expect(await page.locator('#overview').innerText()).toMatch(/steps\s+40\s+ended/);
    expect(errors).toEqual([]);
  });

  it('leaves alone what a reader looks at', async () => {
    const { page } = await open(browser, server.url);
    const step = page.locator('#completions input[type=number]');
    await step.fill('3');
    await step.press('Enter');
    await expect.poll(() => step.inputValue()).toBe('3');
    expect(await lastSampled(page, 7).innerText()).toBe('8');
    await lastSampled(page, 7).hover();
    appendSteps(folder, RUN, 11, 12);
    await expect.poll(() => chartText(page, 'Reward')).toContain('at step 12');
    expect(await step.inputValue()).toBe('3');
    expect(await lastSampled(page, 7).innerText()).toBe('8');
    await page.mouse.move(0, 0);
    await expect.poll(() => lastSampled(page, 7).innerText()).toBe('12');
  });

  it('begins before the first step', async () => {
    cutTo(0);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(server.url);
    await page.locator('#overview').waitFor();
    appendSteps(folder, RUN, 1, 2);
    await expect.poll(() => chartText(page, 'Reward')).toContain('at step 2');
    await expect.poll(() => page.locator('#completions .group').count()).toBe(2);
  });

  it('is right in many tabs, more than a browser opens connections for', async () => {
    const context = await browser.newContext();
    const tabs: Awaited<ReturnType<typeof openIn>>[] = [];
    for (let i = 0; i < 9; i++) tabs.push(await openIn(await context.newPage(), server.url));
    appendSteps(folder, RUN, 11, 20);
    for (const { page } of tabs) await expect.poll(() => chartText(page, 'Reward')).toContain('at step 20');
    // Another tab takes over from the one that is closed.
    await tabs[0]!.page.close();
    appendSteps(folder, RUN, 21, 25);
    for (const { page } of tabs.slice(1))
      await expect.poll(() => chartText(page, 'Reward'), { timeout: 10_000 }).toContain('at step 25');
  });

  it('comes back after a restart, with what happened meanwhile', async () => {
    await server.close();
    server = await serveRun(folder, { host: '127.0.0.1', port: PORT });
    const { page } = await open(browser, server.url);
    const state = page.locator('.connection');
    await expect.poll(() => state.innerText()).toBe('live');
    await server.close();
    await expect.poll(() => state.innerText()).toBe('not connected: trying again');
    appendSteps(folder, RUN, 11, 18);
    server = await serveRun(folder, { host: '127.0.0.1', port: PORT });
    await expect.poll(() => state.innerText(), { timeout: 15_000 }).toBe('live');
    await expect.poll(() => chartText(page, 'Reward')).toContain('at step 18');
    appendSteps(folder, RUN, 19, 19);
    await expect.poll(() => chartText(page, 'Reward')).toContain('at step 19');
  });

  it('begins anew where a resumed run has gone back', async () => {
    const { page } = await open(browser, server.url);
    await expect.poll(() => page.locator('.connection').innerText()).toBe('live');
    cutTo(6);
    await expect.poll(() => chartText(page, 'Reward')).toContain('at step 6');
    appendSteps(folder, RUN, 7, 9);
    await expect.poll(() => chartText(page, 'Reward')).toContain('at step 9');
    expect(await page.locator('#completions input[type=number]').inputValue()).toBe('9');
  });
});

describe('the commands', () => {
  it('train --page serves the run while it goes on, and leaves report.html', async () => {
    const output = join(folder, 'trained');
    let seen: Promise<{ steps: string | null; errors: string[] }> | undefined;
    const { code, stdout, stderr } = await cli(
      ['train', '--page', '--json', '--max-steps', '30', '--eval-samples', '20', '--output-dir', output],
      {
        onLine: (line) => {
          const event = JSON.parse(line) as { event: string; url?: string };
          if (event.event === 'page')
            seen = open(browser, event.url!).then(async ({ page, errors }) => {
              await expect
                .poll(() => page.locator('.connection').innerText(), { timeout: 60_000 })
                .toBe('ended');
              return { steps: await chartText(page, 'Reward'), errors };
            });
        },
      },
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { steps, errors } = await seen!;
    expect(steps).toContain('at step 30');
    // That the server has gone at the end is all that went wrong.
    expect(errors.filter((error) => !error.includes('ERR_'))).toEqual([]);
    expect(jsonLines(stdout).map(({ event }) => event)).toContain('end');
    expect(readFileSync(join(output, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/);
  });

  it('train ends well where report.html cannot be written, and says so', async () => {
    const output = join(folder, 'trained');
    mkdirSync(join(output, 'report.html'), { recursive: true });
    const few = ['--max-steps', '1', '--eval-samples', '0', '--save-steps', '0'];
    const { code, stdout } = await cli(['train', ...few, '--output-dir', output]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/no report\.html: /);
    expect(readdirSync(output)).toContain('summary.json');
  });

  it('watch serves until Ctrl-C', async () => {
    let answer: Promise<Response> | undefined;
    const { code, stdout } = await cli(['watch', folder, '--port', '0', '--json'], {
      onLine: (line, child) => {
        answer = fetch(`${(JSON.parse(line) as { url: string }).url}api/run`).finally(() =>
          child.kill('SIGINT'),
        );
      },
    });
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toHaveLength(1);
    expect(await (await answer!).json()).toMatchObject({ steps: 10, plannedSteps: 40 });
  });

  it('report writes a page of a run or of several, and says where', async () => {
    const one = await cli(['report', folder]);
    expect(one).toMatchObject({ code: 0, stdout: `${join(folder, 'report.html')}\n` });
    const output = join(folder, 'both.html');
    const two = await cli(['report', folder, folder, '--output', output, '--json']);
    expect(jsonLines(two.stdout)).toMatchObject([{ file: output, runs: [folder, folder] }]);
    expect(readFileSync(output, 'utf8')).toMatch(/^<!doctype html>/);
    const none = await cli(['report', join(folder, 'nothing')]);
    expect(none.code).not.toBe(0);
    expect(none.stderr).toMatch(/fix: give the folder of a run/);
  });
});
