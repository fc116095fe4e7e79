/** Sampled completions as a table, or in a narrow window as a list. No text in them can break the layout. */
import colors from 'picocolors';
import { table, type Column } from './table.js';
import { fit, fitting, visible, visibleSpaces } from './text.js';
import { number } from '../../common/format.js';

export interface Shown {
  prompt: string;
  completion: string;
  /** The answer that the task extracts from it. */
  extracted: string;
  /** The expected answer. */
  answer: string;
  reward: number;
  advantage: number;
}

interface Row {
  first: Shown;
  times: number;
}

export interface ShownGroup {
  /** Such as `best`. */
  label: string;
  prompt: string;
  answer: string;
  /** Equal completions share a row, the most frequent first. */
  rows: Row[];
}

/** The groups with the highest and the lowest mean reward; a single one if there is only one. */
export function bestAndWorst(completions: readonly Shown[]): ShownGroup[] {
  const groups = new Map<string, { rows: Map<string, Row>; sum: number; size: number }>();
  for (const completion of completions) {
    let group = groups.get(completion.prompt);
    if (!group) groups.set(completion.prompt, (group = { rows: new Map<string, Row>(), sum: 0, size: 0 }));
    group.size++;
    group.sum += Number.isFinite(completion.reward) ? completion.reward : 0;
    const row = group.rows.get(completion.completion);
    if (row) row.times++;
    else group.rows.set(completion.completion, { first: completion, times: 1 });
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.sum / b.size - a.sum / a.size);
  const chosen = sorted.length > 1 ? [sorted[0]!, sorted.at(-1)!] : sorted;
  return chosen.map(([prompt, group], i) => ({
    label: sorted.length > 1 ? ['best', 'worst'][i]! : '',
    prompt,
    answer: [...group.rows.values()][0]!.first.answer,
    rows: [...group.rows.values()].sort((a, b) => b.times - a.times),
  }));
}

/** Least terminal width for a table: below it there is no room for the texts. */
const LEAST = 96;
const ANSWER = 8;
/** Terminal columns taken by everything but prompt and completion, borders and spaces included. */
const FIXED = 5 + ANSWER * 2 + 5 + 7 + 9 + 8 * 3 + 1;

/**
 * @param width columns of the terminal
 * @param most most rows per group
 */
export function completionsTable(groups: readonly ShownGroup[], width: number, most = 4): string {
  return width < LEAST ? list(groups, width, most) : wide(groups, width, most);
}

const colorOf = ({ advantage }: Shown) =>
  advantage > 0 ? colors.green : advantage < 0 ? colors.red : colors.dim;

function wide(groups: readonly ShownGroup[], width: number, most: number): string {
  const rest = Math.min(width, 130) - FIXED;
  const longest = Math.max(...groups.map(({ prompt }) => Math.min(200, prompt.trimEnd().length)));
  const promptWidth = Math.max(8, Math.min(longest, Math.floor(rest * 0.6)));
  const textWidth = rest - promptWidth;
  const rows = groups.flatMap(({ label, prompt, answer, rows }) => [
    ...rows
      .slice(0, most)
      .map(({ first, times }, i) => [
        i === 0 ? label : '',
        i === 0 ? fit(visible(prompt.trimEnd()), promptWidth) : '',
        colorOf(first)(fit(visibleSpaces(first.completion), textWidth)),
        fit(visible(first.extracted), ANSWER),
        i === 0 ? fit(visible(answer), ANSWER) : '',
        number(first.reward),
        number(first.advantage),
        `${times}`,
      ]),
    ...(rows.length > most ? [['', '', colors.dim(fit(`and ${rows.length - most} more`, textWidth))]] : []),
  ]);
  const right = (title: string, width: number): Column => ({ title, width, align: 'right' });
  return table(
    [
      { title: '', width: 5 },
      { title: 'prompt', width: promptWidth },
      { title: fit('completion', textWidth), width: textWidth },
      { title: 'answer', width: ANSWER },
      { title: 'expected', width: ANSWER },
      right('reward', 7),
      right('advantage', 9),
      right('times', 5),
    ],
    rows,
  );
}

function list(groups: readonly ShownGroup[], width: number, most: number): string {
  return groups
    .flatMap(({ label, prompt, answer, rows }) => [
      fitting(
        [
          label && colors.bold(label),
          fit(visible(prompt.trimEnd()), Math.max(8, width - 20)),
          colors.dim(`expected ${fit(visible(answer), ANSWER)}`),
        ],
        ' ',
        width,
      ),
      ...rows
        .slice(0, most)
        .map(({ first, times }) =>
          fitting(
            [
              `${String(times).padStart(4)} x`,
              colorOf(first)(fit(visibleSpaces(first.completion), width < 44 ? width - 7 : width - 34)),
              `reward ${number(first.reward)}`,
              `advantage ${number(first.advantage)}`,
              colors.dim(`answer ${fit(visible(first.extracted), ANSWER)}`),
            ],
            ' ',
            width,
          ),
        ),
      ...(rows.length > most ? [colors.dim(fit(`       and ${rows.length - most} more`, width))] : []),
    ])
    .join('\n');
}
