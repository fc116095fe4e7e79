import { describe, expect, it } from 'vitest';
import { openDisplay } from '../../../../src/ui/terminal/display.js';
import { plan } from '../../../support/plan.js';
import { Screen } from '../../../support/terminal.js';
import { digits, run } from '../../../support/trainer.js';

describe('the display', () => {
  it('is off after an error of its own, says so once, and the run goes on', async () => {
    const complaints: string[] = [];
    let written = 0;
    const out = {
      write: () => {
        if (++written > 3) throw new Error('the pipe is gone');
      },
    };
    const display = openDisplay({
      out,
      quiet: false,
      rows: 4,
      every: 1,
      complain: (text) => complaints.push(text),
    });
    const summary = await run({}, { ...display.callbacks, save: false });
    display.end(summary);
    display.close();
    expect(summary).toMatchObject({ steps: 6, interrupted: false });
    expect(complaints).toEqual(['the display is off, the run goes on: the pipe is gone']);
  });

  it('breaks no word in a terminal', async () => {
    const screen = new Screen(48, 200);
    const display = openDisplay({ out: screen, quiet: false, rows: 4, every: 0 });
    display.end(await run({}, { ...display.callbacks, save: false }));
    const lines = await screen.lines();
    const from = lines.findIndex((line) => line.startsWith('  tokens'));
    expect(lines[from]).toMatch(/^ {2}tokens {12}\S/);
    expect(lines[from + 1]).toMatch(/^ {20}\S/);
    expect(lines.join('\n')).toMatch(/\s+distinct\s+ones\s+computed\s+a\s+second/);
  });

  it('shows nothing when it is quiet', async () => {
    let written = '';
    const out = { write: (text: string) => (written += text) };
    const display = openDisplay({ out, quiet: true, rows: 4, every: 1 });
    display.end(await run({}, { ...display.callbacks, save: false }));
    expect(written).toBe('');
  });

  it('has tables of completions every so many steps', async () => {
    const tables = async (every: number | null, rows = 4) => {
      let written = '';
      const display = openDisplay({ out: { write: (text) => (written += text) }, quiet: false, rows, every });
      await run({}, { ...display.callbacks, task: digits, save: false });
      return [...written.matchAll(/completions at step (\d+)/g)].map(([, step]) => Number(step));
    };
    expect(await tables(2)).toEqual([2, 4, 6]);
    expect(await tables(null)).toEqual([1]);
    expect(await tables(0)).toEqual([]);
    expect(await tables(1, 0)).toEqual([]);
  });

  it('never throws, whatever it is told in whatever order', () => {
    const complaints: string[] = [];
    const display = openDisplay({
      out: { write: () => undefined },
      quiet: false,
      rows: 4,
      every: null,
      complain: (text) => complaints.push(text),
    });
    display.callbacks.onStep({ step: 1 });
    display.callbacks.onPlan(plan());
    expect(complaints).toHaveLength(1);
  });
});
