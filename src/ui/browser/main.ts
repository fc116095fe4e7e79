/** The page's entry point, for one run or several, from a report file or from the server. */
import 'uplot/dist/uPlot.min.css';
import './style.css';
import type { RunData } from '../server/types.js';
import { comparePage } from './compare.js';
import { el, fill, type Child } from './dom.js';
import { RunPage } from './run-page.js';
import { openSource, type Source } from './source.js';
import { themeButton } from './theme.js';

const LINKS = [
  ['diagnosis', 'noticed'],
  ['curves', 'curves'],
  ['problems', 'problems'],
  ['sampled', 'sampling'],
  ['completions', 'completions'],
  ['costs', 'time'],
  ['setup', 'setup'],
];
const COMPARED = [
  ['figures', 'figures'],
  ['noticed', 'noticed'],
  ['reached', 'to an accuracy'],
  ['differences', 'differences'],
  ['curves', 'curves'],
];

const connection = el('span', { class: 'connection', role: 'status' });

async function start(): Promise<void> {
  const main = el('main', { id: 'main' }, el('p', { class: 'note' }, 'reading the run…'));
  document.body.prepend(main);
  const source = await openSource();
  const runs = await source.runs();
  if (runs.length > 1) compare(main, runs, source);
  else show(main, runs[0]!, source);
}

function frame(main: HTMLElement, title: string, about: string, links: string[][], parts: Child[]): void {
  document.title = `${title} - grpo-native`;
  document.querySelector('header')?.remove();
  document.querySelector('.skip')?.remove();
  main.before(
    el('a', { class: 'skip', href: '#main' }, 'to the content'),
    el(
      'header',
      {},
      el('h1', {}, title),
      el('span', { class: 'quiet' }, about),
      connection,
      el('nav', { 'aria-label': 'Parts' }, ...links.map(([id, text]) => el('a', { href: `#${id}` }, text))),
      themeButton(),
    ),
  );
  fill(main, ...parts);
}

function compare(main: HTMLElement, runs: RunData[], { about }: Source): void {
  const names = runs.length === 2 ? runs.map(({ name }) => name).join(' and ') : `${runs.length} runs`;
  frame(main, names, made(about), COMPARED, comparePage(runs, about!.comparison!));
}

function show(main: HTMLElement, run: RunData, source: Source): void {
  const about = [run.config.model, run.config.task, run.config.dataset_name, run.config.preset]
    .flat()
    .filter((one) => typeof one === 'string')
    .join(', ');
  let page = new RunPage(run, source);
  let asked = false;
  /** The newest version that the server has announced. */
  let heard = run.version;
  const lay = () =>
    frame(main, run.name, [about, made(source.about)].filter(Boolean).join('; '), LINKS, page.parts());
  lay();
  const again = () => {
    if (asked) return;
    asked = true;
    source
      .runs()
      .then(([fresh]) => {
        run = fresh!;
        page = new RunPage(run, source);
        lay();
        told(run.summary ? 'ended' : 'live');
      })
      .then(
        () => {
          asked = false;
          // There was an update while the data was loading.
          if (run.version < heard) again();
        },
        // The server is gone again; there will be a hello event when it is back.
        () => (asked = false),
      );
  };
  source.listen?.({
    onUpdate: (update) => {
      heard = update.version;
      // Updates were missed while the page was not connected.
      if (update.version > run.version + 1) again();
      else page.update(update);
      told(run.summary ? 'ended' : 'live');
    },
    onHello: (version) => {
      heard = version;
      if (version !== run.version) again();
      told(run.summary ? 'ended' : 'live');
    },
    onReset: again,
    onLost: () => told(run.summary ? 'ended' : 'not connected'),
  });
}

function told(state: 'live' | 'ended' | 'not connected'): void {
  connection.textContent = state === 'not connected' ? 'not connected: trying again' : state;
  connection.dataset.state = state;
}

const made = (about: Source['about']): string =>
  about ? `made ${new Date(about.made).toLocaleString()} by grpo-native ${about.version}` : '';

start().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  document.body.prepend(
    el('p', { class: 'verdict bad', role: 'alert' }, `This page can't be shown: ${text}`),
  );
});
