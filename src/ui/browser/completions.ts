/** The completions of a step, by group: distinct completions with their counts, and tokens coloured by log-prob. */
import type { CompletionRecord } from '../server/types.js';
import { el, fill, section } from './dom.js';
import { number } from './format.js';
import type { Chosen } from './state.js';

/** Distinct completions per group, and groups per step, that are shown at first. */
const FEW = { rows: 8, groups: 6 };

export class Completions {
  readonly element: HTMLElement;
  readonly #list = el('div', { class: 'groups', 'aria-live': 'polite' });
  readonly #slider = el('input', {
    type: 'range',
    min: 0,
    'aria-label': 'step',
    oninput: () => this.#chosen.choose(this.#steps[Number(this.#slider.value)]!),
  });
  readonly #number = el('input', {
    type: 'number',
    min: 1,
    'aria-label': 'step',
    onchange: () => this.#chosen.choose(Number(this.#number.value)),
  });
  readonly #note = el('p', { class: 'note' });
  readonly #chosen: Chosen;
  readonly #load: (step: number) => Promise<CompletionRecord[]>;
  #steps: readonly number[] = [];
  #shown = 0;
  /** Prompt of the group that was selected elsewhere on the page. */
  #prompt: string | undefined;
  #everything = false;

  constructor(chosen: Chosen, load: (step: number) => Promise<CompletionRecord[]>) {
    this.#chosen = chosen;
    this.#load = load;
    const move = (by: number, text: string, label: string) =>
      el('button', { type: 'button', 'aria-label': label, onclick: () => this.#move(by) }, text);
    this.element = section(
      'completions',
      'Completions',
      el(
        'p',
        { class: 'steps' },
        move(-1, '‹', 'step before'),
        this.#slider,
        move(1, '›', 'next step'),
        el('label', {}, 'step ', this.#number),
      ),
      this.#note,
      this.#list,
    );
    chosen.watch((step) => void this.#show(step));
  }

  /** @param thinned whether some steps were left out */
  setSteps(steps: readonly number[], thinned = false): void {
    const follows = this.#shown === this.#steps.at(-1);
    this.#steps = steps;
    this.element.hidden = steps.length === 0;
    this.#slider.max = String(Math.max(0, steps.length - 1));
    fill(
      this.#note,
      thinned ? `Completions of ${steps.length} steps are in this file; watch serves those of all.` : '',
    );
    // If the newest step was shown, show the one that is now the newest.
    if (steps.length > 0 && (this.#shown === 0 || follows)) this.#chosen.choose(steps.at(-1)!);
    else this.#slider.value = String(this.#index(this.#shown));
  }

  open(step: number, prompt: string): void {
    this.#prompt = prompt;
    this.#chosen.choose(step);
    void this.#show(step).then(() => {
      this.#list.querySelector('.asked')?.scrollIntoView({ block: 'center' });
    });
  }

  /** Index of the last step with completions that is not after `step`. */
  #index(step: number): number {
    return Math.max(
      0,
      this.#steps.findLastIndex((one) => one <= step),
    );
  }

  #move(by: number): void {
    const to = this.#index(this.#shown) + by;
    if (to >= 0 && to < this.#steps.length) this.#chosen.choose(this.#steps[to]!);
  }

  async #show(asked: number): Promise<void> {
    const index = this.#index(asked);
    const step = this.#steps[index];
    if (step === undefined) return;
    this.#shown = step;
    this.#slider.value = String(index);
    this.#number.value = String(step);
    let records: CompletionRecord[];
    try {
      records = await this.#load(step);
    } catch (error) {
      fill(this.#list, el('p', { class: 'note' }, `not to be had: ${(error as Error).message}`));
      return;
    }
    // Another step was selected while this one was loading.
    if (this.#shown !== step) return;
    this.#everything = false;
    this.#render(records);
  }

  #render(records: CompletionRecord[]): void {
    const groups = groupsOf(records);
    const asked = groups.filter(({ prompt }) => prompt === this.#prompt);
    const others = groups.filter(({ prompt }) => prompt !== this.#prompt);
    const sorted = [...asked, ...others];
    const shown = this.#everything ? sorted : sorted.slice(0, FEW.groups);
    fill(
      this.#list,
      ...shown.map((group) => groupCard(group, group.prompt === this.#prompt)),
      sorted.length > shown.length &&
        el(
          'button',
          {
            type: 'button',
            onclick: () => {
              this.#everything = true;
              this.#render(records);
            },
          },
          `show the other ${sorted.length - shown.length} groups`,
        ),
    );
  }
}

interface Group {
  prompt: string;
  answer: string;
  records: CompletionRecord[];
  size: number;
  reward: number;
}

/** Groups in the order best, worst, second best, second worst, and so on. */
function groupsOf(records: readonly CompletionRecord[]): Group[] {
  const byPrompt = new Map<string, CompletionRecord[]>();
  for (const record of records) {
    const own = byPrompt.get(record.prompt);
    if (own) own.push(record);
    else byPrompt.set(record.prompt, [record]);
  }
  const groups = [...byPrompt].map(([prompt, own]): Group => {
    const size = own.reduce((sum, { count }) => sum + count, 0);
    return {
      prompt,
      answer: own[0]!.answer,
      records: own.sort((a, b) => b.count - a.count),
      size,
      reward: own.reduce((sum, { reward, count }) => sum + (reward ?? 0) * count, 0) / size,
    };
  });
  const best = groups.sort((a, b) => b.reward - a.reward);
  return best.map((_, i) => (i % 2 === 0 ? best[i / 2]! : best[best.length - (i + 1) / 2]!));
}

function groupCard({ prompt, answer, records, size, reward }: Group, asked: boolean): HTMLElement {
  const shown = records.slice(0, FEW.rows);
  const rest = records.length - shown.length;
  const list = el('ul', {}, ...shown.map((record) => completionRow(record, size)));
  const card = el(
    'article',
    { class: asked ? 'group asked' : 'group' },
    el(
      'h3',
      {},
      el('code', { class: 'text' }, ...visibleText(prompt)),
      ' ',
      el('span', { class: 'quiet' }, 'expects '),
      el('code', {}, answer),
      el('span', { class: 'quiet' }, `, mean reward ${number(reward)}`),
    ),
    list,
  );
  if (rest > 0) {
    const more = el(
      'button',
      {
        type: 'button',
        onclick: () => {
          more.remove();
          list.append(...records.slice(FEW.rows).map((record) => completionRow(record, size)));
        },
      },
      `and ${rest} more`,
    );
    card.append(more);
  }
  return card;
}

function completionRow(record: CompletionRecord, size: number): HTMLElement {
  const { count, correct, reward, advantage, extracted, ended } = record;
  const how = { eos: 'ended by itself', stop: 'ended when its reward was decided', length: 'cut off' }[ended];
  return el(
    'li',
    { class: correct ? 'is-right' : 'is-wrong' },
    el('span', { class: 'mark', title: correct ? 'right' : 'wrong' }, correct ? '✓' : '✗'),
    el('span', { class: 'times', title: `${count} of ${size} said this` }, `${count}×`),
    el(
      'code',
      { class: 'text', title: how },
      ...tokenSpans(record),
      ended === 'length' && el('span', { class: 'cut' }, '…cut'),
    ),
    el(
      'span',
      { class: 'figures' },
      extracted !== undefined && el('span', {}, `answers ${extracted === '' ? 'nothing' : extracted}`),
      el('span', {}, `reward ${number(reward)}`),
      el('span', {}, `advantage ${number(advantage)}`),
    ),
  );
}

/** The completion's tokens, each the paler the higher its probability was. */
function tokenSpans({ completion, tokens, logps, ended }: CompletionRecord): Node[] {
  if (!tokens || !logps) return visibleText(completion);
  let at = 0;
  return tokens.map((length, i) => {
    const text = completion.slice(at, (at += length));
    const logp = logps[i]!;
    const last = i === tokens.length - 1 && ended === 'eos' && text === '';
    const probability = Math.exp(logp);
    return el(
      'span',
      {
        class: 'token',
        style: `--doubt: ${Math.round(100 * (1 - probability))}%`,
        title: `log-prob ${logp.toFixed(2)}, probability ${(100 * probability).toFixed(0)}%`,
      },
      ...(last
        ? [el('span', { class: 'end' }, '■')]
        : text === ''
          ? [el('span', { class: 'end' }, '⋯')]
          : visibleText(text)),
    );
  });
}

/** The text with visible marks for spaces, line ends and other invisible characters, styled differently from the text. */
function visibleText(text: string): Node[] {
  return text.split(/([\s\p{Cc}\p{Cf}\p{Co}\p{Cs}]+)/u).flatMap((part, i): Node[] => {
    if (part === '') return [];
    if (i % 2 === 0) return [document.createTextNode(part)];
    return [el('span', { class: 'space' }, [...part].map(mark).join(''))];
  });
}

function mark(char: string): string {
  if (char === ' ') return '·';
  if (char === '\n') return '↵\n';
  if (char === '\t') return '⇥';
  return `\\u{${char.codePointAt(0)!.toString(16)}}`;
}
