/** Time and memory by part, the run's options and environment, and the command that repeats it. */
import type { RunData } from '../server/types.js';
import { el, section, table } from './dom.js';
import { bytes, duration, percent, value } from './format.js';

const PHASES = ['sample', 'reward', 'reference', 'train', 'optimizer', 'save'];

/** A bar divided into parts, with a legend below it. */
function partsBar(parts: [name: string, value: number][], format: (value: number) => string): HTMLElement {
  const total = parts.reduce((sum, [, size]) => sum + size, 0);
  const shown = parts.filter(([, size]) => size > 0.002 * total);
  return el(
    'div',
    { class: 'parts' },
    el(
      'div',
      { class: 'bar', 'aria-hidden': true },
      ...shown.map(([, size], i) => el('i', { style: `flex: ${size}; background: var(--c${(i % 6) + 1})` })),
    ),
    el(
      'ul',
      {},
      ...shown.map(([name, size], i) =>
        el(
          'li',
          {},
          el('i', { style: `background: var(--c${(i % 6) + 1})` }),
          `${name} ${format(size)} (${percent(size / total, 0)})`,
        ),
      ),
    ),
  );
}

export const costs = (bars: HTMLElement, charts: HTMLElement): HTMLElement =>
  section('costs', 'Time and memory', bars, charts);

export const costBars = (run: RunData): HTMLElement => el('div', {}, timeBar(run), memoryBar(run));

function timeBar({ curves, summary, seconds, steps }: RunData): HTMLElement | null {
  const { columns } = curves;
  const parts = PHASES.map((phase): [string, number] => {
    const known = (columns[`time/${phase}`] ?? []).filter((one) => one !== null);
    const mean = known.length > 0 ? known.reduce((sum, one) => sum + one, 0) / known.length : 0;
    return [phase, mean * steps];
  });
  const told = parts.reduce((sum, [, size]) => sum + size, 0);
  if (told === 0) return null;
  // Steps don't include evaluations, which are part of the rest.
  const whole = typeof summary?.seconds === 'number' ? summary.seconds : seconds;
  const rest: [string, number] = ['evaluation and the rest', Math.max(0, whole - told)];
  return el(
    'div',
    {},
    el('h3', {}, `Time: ${duration(Math.max(whole, told))}`),
    partsBar([...parts, rest], duration),
  );
}

/**
 * Gradients and moments are computed from the number of parameters that learn, and so are the weights where all do;
 * the rest of the measured peak is one part.
 */
function memoryBar({ summary, config, env }: RunData): HTMLElement | null {
  const peak = summary?.peak_memory;
  const parameters = summary?.parameters;
  // Runs of earlier versions don't say: all weights learned.
  const learning = summary?.trainable_parameters ?? parameters;
  if (typeof peak !== 'number') return null;
  const machine = env?.machine as { memory?: number } | undefined;
  const heading = el(
    'h3',
    {},
    `Memory: ${bytes(peak)} at most${machine?.memory ? ` of the machine's ${bytes(machine.memory)}` : ''}`,
  );
  if (typeof parameters !== 'number' || typeof learning !== 'number') return el('div', {}, heading);
  const adapters = learning < parameters;
  const known: [string, number][] = [
    // Frozen weights have the format of their files, of which the run folder says nothing.
    [adapters ? 'adapters' : 'weights', 4 * learning],
    ['gradients', 4 * learning],
    ['moments', 8 * learning],
  ];
  const others = [
    ...(adapters ? ['frozen weights'] : Number(config.beta) > 0 ? ['reference'] : []),
    'activations, libtorch, Node',
  ];
  const rest = Math.max(0, peak - known.reduce((sum, [, size]) => sum + size, 0));
  return el('div', {}, heading, partsBar([...known, [others.join(', '), rest]], bytes));
}

export function setup(run: RunData): HTMLElement {
  const { config, chosen, env, command, path } = run;
  const rows = (names: string[]) => names.map((name) => [name, el('code', {}, value(config[name]))]);
  const usual = typeof config.preset === 'string' ? 'as the preset has them' : 'at their defaults';
  const others = Object.keys(config).filter((name) => !chosen.includes(name));
  return section(
    'setup',
    'Setup',
    el('h3', {}, 'To repeat it'),
    copyable(command),
    el(
      'p',
      { class: 'note' },
      'or, with every option as it was: ',
      el('code', {}, `grpo-native ${command.split(' ')[1]} ${path}/config.yaml --output-dir NEW`),
    ),
    el('h3', {}, 'Options that were chosen'),
    chosen.length > 0
      ? table(['option', 'value'], rows(chosen))
      : el('p', { class: 'note' }, 'All are at their defaults.'),
    el(
      'details',
      {},
      el('summary', {}, `The other ${others.length} options, ${usual}`),
      table(['option', 'value'], rows(others)),
    ),
    el('h3', {}, 'Made with'),
    table(
      ['what', 'version or value'],
      flat(env ?? {}).map(([name, thing]) => [name, el('code', {}, value(thing))]),
    ),
  );
}

/** Flattens nested objects to names such as `machine.processor`. */
function flat(object: Record<string, unknown>, before = ''): [string, unknown][] {
  return Object.entries(object).flatMap(([name, thing]): [string, unknown][] =>
    typeof thing === 'object' && thing !== null && !Array.isArray(thing)
      ? flat(thing as Record<string, unknown>, `${before}${name}.`)
      : [[`${before}${name}`, thing]],
  );
}

/** Fails on a page loaded over plain HTTP from another machine: browsers have no clipboard there. */
const copy = async (text: string): Promise<void> => navigator.clipboard.writeText(text);

function copyable(text: string): HTMLElement {
  const button = el(
    'button',
    {
      type: 'button',
      onclick: () => {
        copy(text).then(
          () => (button.textContent = 'copied'),
          // Without a clipboard: select the text, so that it can be copied with the keyboard.
          () => getSelection()?.selectAllChildren(code),
        );
      },
    },
    'copy',
  );
  const code = el('code', {}, text);
  return el('div', { class: 'command' }, code, button);
}
