/** `report.html`, opened from the disk without a network: what it shows, and what it does when it is used. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openChromium } from '../support/chromium.js';
import { chart, chartText, colorOf, expectNoOverflow, open, pixel, plotPixel, reportOf } from './support.js';
import { appendDiagnosis, writeRun } from '../support/run-folder.js';
import { reportHtml, writeReport } from '../../src/ui/server/report.js';

let browser: Browser;
let url: string;
const parent = mkdtempSync(join(tmpdir(), 'grpo-native-test-'));

/** 100 steps, something wrong in the middle and at the end. */
beforeAll(async () => {
  browser = await openChromium();
  const folder = writeRun(join(parent, 'the-run'), { steps: 100, evalSteps: 20 });
  appendDiagnosis(folder, 30);
  appendDiagnosis(folder, 60, { event: 'ends' });
  appendDiagnosis(folder, 80, {
    diagnosis: 'memorising',
    title: 'learns by heart',
    level: 'bad',
    metric: 'eval/accuracy',
    evidence: 'at step 80 training problems are right 80% of the time, held-out ones 68%',
  });
  const file = join(folder, 'report.html');
  await writeReport(file, [folder]);
  url = pathToFileURL(file).href;
});
afterAll(async () => {
  await browser.close();
  rmSync(parent, { recursive: true });
});

describe('report.html', () => {
  it('opens without a network, asks for nothing, and nothing goes wrong', async () => {
    const { page, errors, requests } = await open(browser, url);
    await page.waitForTimeout(500);
    expect({ errors, requests }).toEqual({ errors: [], requests: [] });
    expect(await page.title()).toBe('the-run - grpo-native');
  });

  it('says at once whether it learns, and what was noticed', async () => {
    const { page } = await open(browser, url);
    const text = await page.locator('#overview').innerText();
    expect(text).toContain('Something is wrong: learns by heart');
    expect(text).toMatch(/held-out accuracy\s+80\.0%\s+95%: 75\.0% to 85\.0%; 20\.0% at step 0/);
    const noticed = page.locator('#diagnosis');
    expect(await noticed.innerText()).toMatch(/bad\s+Learns by heart from step 80 on/);
    const over = noticed.locator('details.over');
    expect(await over.locator('summary').first().innerText()).toBe('1 that ended');
    await over.locator('summary').first().click();
    expect(await over.innerText()).toMatch(/KL running away from step 30 to 60/);
  });

  it('draws curves, with evaluations and what was noticed marked on them', async () => {
    const { page } = await open(browser, url);
    expect(await chartText(page, 'Accuracy')).toBe(
      'Chart of Accuracy. training, sampled: 1.0% at step 1, 100.0% at step 100. held-out: 20.0% at step 0, 80.0% at step 100. learns by heart from step 80',
    );
    expect(await chartText(page, 'KL to the reference')).toContain('KL running away from step 30 to 60');
    // The bar on top of what is marked, in the colour of its level; beside it there is none.
    const at = (step: number) => plotPixel(page, 'KL to the reference', (step - 1) / 99, 0.01);
    const warning = await colorOf(page, '--warning');
    expect(await at(45)).toEqual(warning);
    expect(await at(75)).not.toEqual(warning);
    expect(await at(20)).not.toEqual(warning);
  });

  it('zooms into a stretch of steps, and out again', async () => {
    const { page } = await open(browser, url);
    const over = chart(page, 'Reward').locator('.u-over');
    const ticks = () => chart(page, 'Reward').locator('canvas').screenshot();
    const before = await ticks();
    const { x, y, width } = (await over.boundingBox())!;
    await page.mouse.move(x + width * 0.25, y + 50);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.5, y + 50, { steps: 5 });
    await page.mouse.up();
    expect((await ticks()).equals(before)).toBe(false);
    await over.dblclick();
    await page.mouse.move(0, 0);
    await expect.poll(async () => (await ticks()).equals(before)).toBe(true);
  });

  it("maps each problem's history, and shows its completions where it is clicked", async () => {
    const { page } = await open(browser, url);
    const map = page.locator('#problems canvas');
    expect(await map.getAttribute('aria-label')).toContain('Map of 8 problems over 100 steps');
    const [right, mixed, wrong, unseen] = await Promise.all(
      ['--right', '--mixed', '--wrong', '--unseen'].map((name) => colorOf(page, name)),
    );
    // Problem 6 of 0 to 7 is met at step 4: not seen, wrong, mixed; the first one ends right.
    const row = (problem: number) => (problem + 0.4) / 8;
    expect(await pixel(map, 0.005, row(6))).toEqual(unseen);
    expect(await pixel(map, 0.1, row(6))).toEqual(wrong);
    expect(await pixel(map, 0.7, row(6))).toEqual(mixed);
    expect(await pixel(map, 0.97, row(0))).toEqual(right);

    const { width, height } = (await map.boundingBox())!;
    const position = { x: width * 0.105, y: height * row(6) };
    await map.hover({ position });
    expect(await page.locator('#problems .told').innerText()).toBe(
      'Calculate: 6 + 1 =  expects 7: 0 of 8 right at step 8',
    );
    await map.click({ position });
    const asked = page.locator('.group.asked');
    await asked.waitFor();
    expect(await asked.innerText()).toContain('expects 7');
    expect(await asked.innerText()).toMatch(/✗\s+8×\s+6·no/);
    expect(await page.locator('#completions input[type=number]').inputValue()).toBe('8');
  });

  it('shows what was sampled for: how often each problem, and how right the policy was at first and at last', async () => {
    const config = { problem_sampling: 'posterior', temperature: 0.7, top_k: 50 };
    const run = { steps: 40, problems: 30, promptsPerStep: 4, config };
    const { page } = await open(browser, await reportOf(run));
    const sampled = page.locator('#sampled');
    await expect
      .poll(() => sampled.locator('p').first().innerText())
      .toContain(
        'problem_sampling posterior draws problems, the likelier the more they can teach. These are groups of 30 problems, 5 to 6 of each (median 5). Of all problems 100.0% were sampled for at least once.',
      );
    const title = 'Problems of a step by pass@1';
    expect(await chartText(page, title)).toBe(
      `Chart of ${title}. solved: at least 90%: 0% at step 1, 100% at step 40. can’t be told: 100% at step 1, 0% at step 40. unsolved: at most 10%: 0% at step 1, 0% at step 40`,
    );
    // Areas in the colours of the map: none of step 6 is solved, all of step 40 are.
    const [right, wrong] = await Promise.all([colorOf(page, '--right'), colorOf(page, '--wrong')]);
    expect(await plotPixel(page, title, 5 / 39, 0.5)).toEqual(wrong);
    expect(await plotPixel(page, title, 0.99, 0.5)).toEqual(right);

    const rows = sampled.locator('table.numbers tbody tr');
    const cells = (row: number) => rows.nth(row).locator('th, td').allInnerTexts();
    expect(await rows.count()).toBe(12);
    expect(await cells(0)).toEqual(['Calculate: 0 + 1 = ', '1', '6', '38', '45 to 98%', '95 to 100%']);
    const byFirst = sampled.getByRole('button', { name: 'pass@1 at first' });
    await byFirst.click();
    await byFirst.click();
    expect(await sampled.locator('th[aria-sort=ascending]').innerText()).toContain('pass@1 at first');
    expect((await cells(0)).slice(4)).toEqual(['0 to 5%', '45 to 98%']);
    await sampled.getByRole('button', { name: 'show 18 more of 30' }).click();
    expect(await rows.count()).toBe(30);
    expect(await sampled.getByRole('button', { name: 'more of' }).isVisible()).toBe(false);

    const [prompt, , , last] = await cells(29);
    await rows.nth(29).getByRole('button').click();
    await expect.poll(() => page.locator('#completions input[type=number]').inputValue()).toBe(last);
    expect(await page.locator('.group.asked h3').innerText()).toContain(prompt!.replaceAll(' ', '·'));
  });

  it('fills what lies between the bounds of pass@1, and says whose they are', async () => {
    const config = { temperature: 0.7, top_k: 50 };
    const { page } = await open(browser, await reportOf({ steps: 41, config }));
    const title = 'Pass@1 of the policy';
    expect(await chartText(page, title)).toBe(
      `Chart of ${title}. at least: 2.0% at step 1, 80.0% at step 41. at most: 12.0% at step 1, 90.0% at step 41`,
    );
    const note = 'of the policy itself at temperature 0.7; draws come from it with top_k 50';
    expect(await chart(page, title).locator('small').innerText()).toBe(note);
    // At step 21 it is from 41% to 51%.
    expect(await plotPixel(page, title, 0.51, 1 - 0.46)).not.toEqual([0, 0, 0]);
    expect(await plotPixel(page, title, 0.51, 1 - 0.6)).toEqual([0, 0, 0]);
    expect(await plotPixel(page, title, 0.51, 1 - 0.3)).toEqual([0, 0, 0]);
    const { page: own } = await open(browser, url);
    expect(await chart(own, title).locator('small').isVisible()).toBe(false);
  });

  it('has no bounds where log-probs were not recorded, and says so', async () => {
    const folder = writeRun(join(parent, 'old'), { steps: 20 });
    const file = join(folder, 'completions.jsonl');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/,"logps":\[[^\]]*\]/g, ''));
    await writeReport(join(folder, 'report.html'), [folder]);
    const { page } = await open(browser, pathToFileURL(join(folder, 'report.html')).href);
    const sampled = page.locator('#sampled');
    await expect.poll(() => sampled.innerText()).toContain('has not recorded the log-probs');
    expect(await sampled.locator('figure').isVisible()).toBe(false);
    expect(await sampled.locator('table.numbers tbody tr').first().locator('td').allInnerTexts()).toEqual([
      '1',
      '5',
      '17',
      '-',
      '-',
    ]);
  });

  it('can be used without a mouse', async () => {
    const { page } = await open(browser, url);
    const step = page.locator('#completions input[type=number]');
    await chart(page, 'Reward').locator('.plot').focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('PageUp');
    await expect.poll(() => step.inputValue()).toBe('89');
    await page.keyboard.press('Home');
    await expect.poll(() => step.inputValue()).toBe('1');
    await page.locator('#problems canvas').focus();
    for (const key of ['ArrowDown', 'End', 'Enter']) await page.keyboard.press(key);
    await expect.poll(() => page.locator('.group.asked h3').innerText()).toContain('Calculate:·1·+·1');
    // Everything that a mouse reaches is reached by Tab, and seen to be.
    await page.locator('a.skip').focus();
    const visited: string[] = [];
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      visited.push(await page.evaluate(() => document.activeElement!.tagName.toLowerCase()));
    }
    expect(visited).toEqual(expect.arrayContaining(['a', 'button', 'summary', 'div']));
  });

  it('shows completions of any step, each token with its log-prob', async () => {
    const { page } = await open(browser, url);
    const section = page.locator('#completions');
    await section.locator('input[type=number]').fill('50');
    await section.locator('input[type=number]').press('Enter');
    const group = section.locator('.group').first();
    await expect.poll(() => section.locator('.group').count()).toBe(2);
    expect(await group.locator('h3').innerText()).toContain('Calculate:');
    const token = section.locator('li.is-wrong .token').first();
    expect(await token.getAttribute('title')).toBe('log-prob -1.50, probability 22%');
    await section.getByRole('button', { name: 'next step' }).click();
    await expect.poll(() => section.locator('input[type=number]').inputValue()).toBe('51');
    await section.getByRole('slider').fill('9');
    await expect.poll(() => section.locator('input[type=number]').inputValue()).toBe('10');
    await page.getByRole('button', { name: 'its completions then' }).first().click();
    await expect.poll(() => section.locator('input[type=number]').inputValue()).toBe('80');
  });

  it('takes along completions of some steps where all of them would be too many, and says so', async () => {
    const folder = writeRun(join(parent, 'thinned'), { steps: 100 });
    const file = join(folder, 'report.html');
    writeFileSync(file, await reportHtml([folder], { mostCompletions: 10_000 }));
    const { page } = await open(browser, pathToFileURL(file).href);
    const section = page.locator('#completions');
    await section.locator('.group').first().waitFor();
    const kept = Number(/Completions of (\d+) steps are in this file/.exec(await section.innerText())![1]);
    expect(kept).toBeGreaterThan(2);
    expect(kept).toBeLessThan(30);
    const step = section.locator('input[type=number]');
    expect(await step.inputValue()).toBe('100');
    await section.getByRole('slider').fill('0');
    await expect.poll(() => step.inputValue()).toBe('1');
    // The map has all of them.
    expect(await page.locator('#problems canvas').getAttribute('aria-label')).toContain('over 100 steps');
  });

  it('says where time and memory went, and how to repeat the run', async () => {
    const { page } = await open(browser, url);
    const costs = await page.locator('#costs').innerText();
    expect(costs).toMatch(/Time: 20 s\s+sample 5\.0 s \(25%\)\s+train 4\.0 s \(20%\)/);
    expect(costs).toMatch(/Memory: 477 MiB at most of the machine's 7\.5 GiB\s+weights 4 MiB \(1%\)/);
    const setup = page.locator('#setup');
    expect(await setup.locator('.command code').innerText()).toMatch(/^grpo-native train .*--max-steps 100/);
    expect(await setup.innerText()).toContain('v20.0.0');
  });

  it('is light or dark as the system is, or as one likes', async () => {
    const background = (page: Awaited<ReturnType<typeof open>>['page']) =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const { page } = await open(browser, url);
    const dark = await open(browser, url, { dark: true });
    expect(await background(page)).toBe('rgb(255, 255, 255)');
    expect(await background(dark.page)).toBe('rgb(20, 23, 27)');
    const button = dark.page.getByRole('button', { name: 'theme: auto' });
    await button.click();
    expect(await background(dark.page)).toBe('rgb(255, 255, 255)');
    await dark.page.getByRole('button', { name: 'theme: light' }).click();
    expect(await background(dark.page)).toBe('rgb(20, 23, 27)');
  });

  it.each([360, 800])('fits a window of %i pixels', async (width) => {
    const { page } = await open(browser, url, { width });
    await expectNoOverflow(page);
    const { width: drawn } = (await chart(page, 'Reward').locator('canvas').boundingBox())!;
    expect(drawn).toBeLessThanOrEqual(width);
    expect(drawn).toBeGreaterThan(280);
  });
});

describe('several runs on one page', () => {
  const two = () =>
    reportOf(
      { name: 'first', steps: 60, config: { beta: 0.1 } },
      { name: 'second', steps: 100, config: { beta: 0, loss_type: 'dr_grpo' } },
    );

  it('have their figures, differences and curves beside each other', async () => {
    const { page, errors } = await open(browser, await two());
    const figures = await page.locator('#figures table').innerText();
    expect(figures).toMatch(/first\s+60\s.*80\.0% \[75\.0%, 85\.0%\]/);
    expect(figures).toMatch(/second\s+100\s/);
    const differences = await page.locator('#differences table').innerText();
    expect(differences).toMatch(/beta\s+0\.1\s+0\b/);
    expect(differences).toMatch(/loss_type\s+null\s+dr_grpo/);
    expect(await chartText(page, 'Reward')).toMatch(
      /first: .* at step 1, .* at step 60\. second: .* at step 100/,
    );
    expect(errors).toEqual([]);
  });

  it('are asked for steps and seconds to an accuracy', async () => {
    const { page } = await open(browser, await two());
    const slider = page.getByRole('slider', { name: 'held-out accuracy in percent' });
    const table = page.locator('#reached table');
    expect(await table.innerText()).toMatch(/first\s+30\s+3\.0 s\s+50\.0%.*\s+second\s+50\s+5\.0 s/);
    await slider.fill('90');
    expect(await table.innerText()).toMatch(/first\s+not reached/);
  });

  it('can be drawn over seconds', async () => {
    const { page } = await open(browser, await two());
    await page.getByLabel('seconds', { exact: true }).check();
    const legend = chart(page, 'Reward').locator('.u-legend');
    await expect.poll(() => legend.innerText()).toContain('seconds');
    expect(await chartText(page, 'Reward')).toMatch(/first: .* at step 0\.1, .* at step 6\./);
  });

  it('fit a phone', async () => {
    const { page } = await open(browser, await two(), { width: 360, dark: true });
    await expectNoOverflow(page);
  });
});

describe('what a model says', () => {
  const HOSTILE = [
    '</script><script>hacked = 1</script>',
    '<img src=x onerror="hacked = 1">',
    '<svg onload="hacked = 1">',
    `"'><iframe srcdoc="<script>parent.hacked = 1</script>">`,
    '<!--<script>',
    '{{7*7}} ${7*7} %s',
    'javascript:hacked = 1',
    '\u202Etxet desrever\u0000\u0007\u2028',
    '<b>bold</b>',
  ];

  it('is shown, and never obeyed', async () => {
    const file = await reportOf({
      name: 'run <img src=x onerror="hacked = 1">',
      steps: 20,
      problems: HOSTILE.length,
      prompt: (problem) => HOSTILE[problem]!,
      text: (step, problem) => HOSTILE[(problem + step) % HOSTILE.length]!,
      config: { model: HOSTILE[0], stop: HOSTILE },
    });
    const { page, errors, requests } = await open(browser, file);
    for (let step = 1; step <= 20; step++) {
      await page.locator('#completions input[type=number]').fill(String(step));
      await page.locator('#completions input[type=number]').press('Enter');
      await expect.poll(() => page.locator('.group').count()).toBeGreaterThan(0);
    }
    expect(await page.evaluate('typeof hacked')).toBe('undefined');
    expect(await page.locator('img, iframe, svg, b:not(dd b)').count()).toBe(0);
    expect(await page.locator('h1').innerText()).toBe('run <img src=x onerror="hacked = 1">');
    const texts = await page.locator('.group code.text').allInnerTexts();
    expect(texts.join('\n')).toMatch(/<|\\u\{202e\}/);
    expect({ errors, requests }).toEqual({ errors: [], requests: [] });
    // In the file there is nothing of it but base64 and an escaped title.
    const html = readFileSync(fileURLToPath(file), 'utf8');
    expect(html).not.toContain('hacked = 1</script>');
    expect(html).not.toMatch(/<img|<iframe|<svg/);
  });

  it('would not be obeyed even if it came in as markup', async () => {
    const { page } = await open(browser, url);
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'hacked = 1';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="hacked = 1">');
    });
    await page.waitForTimeout(200);
    expect(await page.evaluate('typeof hacked')).toBe('undefined');
  });
});

describe('a fork', () => {
  const forkedFrom = {
    run: '/runs/base',
    checkpoint: 'checkpoint-40',
    step: 40,
    changed: [{ option: 'beta', before: 0.1, now: 0 }],
  };

  it('says where it left its run, and has its own curves from there on', async () => {
    const { page, errors } = await open(browser, await reportOf({ steps: 100, evalSteps: 20, forkedFrom }));
    expect(await page.locator('#overview').innerText()).toContain(
      'Forked from base at step 40, with beta 0 in place of 0.1.',
    );
    const reward = await chartText(page, 'Reward');
    expect(reward).toMatch(/mean of a step, before the fork: \S+ at step 1, \S+ at step 40\./);
    expect(reward).toMatch(/mean of a step: \S+ at step 40, \S+ at step 100/);
    expect(await chartText(page, 'Accuracy')).toMatch(
      /held-out, before the fork: 20\.0% at step 0, 44\.0% at step 40\. held-out: 44\.0% at step 40, 80\.0% at step 100/,
    );
    expect(errors).toEqual([]);
  });

  it('is a branch beside its run', async () => {
    const base = { steps: 100, evalSteps: 20, name: 'base' };
    const url = await reportOf(base, { ...base, name: 'fork', forkedFrom, config: { beta: 0 } });
    const { page, errors } = await open(browser, url);
    const cells = await page.locator('#figures tbody tr td:last-child').allInnerTexts();
    expect(cells).toEqual(['-', 'base at step 40']);
    expect(await chartText(page, 'Reward')).toMatch(
      /base: \S+ at step 1, .*fork, before the fork: \S+ at step 1, \S+ at step 40\. fork: \S+ at step 40/,
    );
    await page.getByLabel('seconds', { exact: true }).check();
    expect(await chartText(page, 'Reward')).toContain('before the fork');
    expect(errors).toEqual([]);
  });
});
