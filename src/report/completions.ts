/** Real completions as a table that no text can break. */
import colors from 'picocolors';
import { table } from './table.js';
import { fit, number, visible } from './text.js';

interface Shown {
  prompt: string;
  completion: string;
  answer: string;
  reward: number;
  advantage: number;
}

/** Columns of everything but the two long texts, borders and spaces included. */
const FIXED = 6 + 5 + 7 + 9 + 6 * 3 + 1;

/**
 * Equal completions of a prompt share a row, most frequent first.
 * @param width columns of the terminal
 */
export function completionsTable(
  completions: Shown[],
  width: number,
  limits: { prompts: number; rows: number } = { prompts: 2, rows: 4 },
): string {
  const groups = new Map<string, Map<string, { first: Shown; times: number }>>();
  for (const completion of completions) {
    let group = groups.get(completion.prompt);
    if (!group) groups.set(completion.prompt, (group = new Map<string, { first: Shown; times: number }>()));
    const row = group.get(completion.completion);
    if (row) row.times++;
    else group.set(completion.completion, { first: completion, times: 1 });
  }

  const rest = Math.max(24, Math.min(width, 120) - FIXED);
  const longest = Math.max(
    ...completions.slice(0, 64).map(({ prompt }) => Math.min(200, prompt.trimEnd().length)),
  );
  const promptWidth = Math.max(10, Math.min(longest, Math.floor(rest * 0.5)));
  const textWidth = rest - promptWidth;
  const rows: string[][] = [];
  for (const group of [...groups.values()].slice(0, limits.prompts)) {
    const sorted = [...group.values()].sort((a, b) => b.times - a.times);
    sorted.slice(0, limits.rows).forEach(({ first, times }, i) => {
      const color = first.advantage > 0 ? colors.green : first.advantage < 0 ? colors.red : colors.dim;
      rows.push([
        i === 0 ? fit(visible(first.prompt.trimEnd()), promptWidth) : '',
        i === 0 ? fit(visible(first.answer), 6) : '',
        color(fit(visible(first.completion), textWidth)),
        `${times}`,
        number(first.reward),
        number(first.advantage),
      ]);
    });
    if (sorted.length > limits.rows)
      rows.push(['', '', colors.dim(fit(`and ${sorted.length - limits.rows} more`, textWidth))]);
  }
  return table(
    [
      { title: 'prompt', width: promptWidth },
      { title: 'answer', width: 6 },
      { title: 'completion', width: textWidth },
      { title: 'times', width: 5, align: 'right' },
      { title: 'reward', width: 7, align: 'right' },
      { title: 'advantage', width: 9, align: 'right' },
    ],
    rows,
  );
}
