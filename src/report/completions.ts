/** Real completions as a table that no text can break. */
import Table from 'cli-table3';
import colors from 'picocolors';
import { fit, number, visible } from './text.js';

export interface JudgedCompletion {
  prompt: string;
  completion: string;
  answer: string;
  reward: number;
  advantage: number;
}

interface Row {
  text: string;
  reward: number;
  advantage: number;
  times: number;
}

/**
 * Equal completions of a prompt share a row, most frequent first.
 * @param width columns of the terminal
 */
export function completionsTable(
  completions: JudgedCompletion[],
  width: number,
  limits: { prompts: number; rows: number } = { prompts: 2, rows: 4 },
): string {
  const groups = new Map<string, { first: JudgedCompletion; rows: Map<string, Row> }>();
  for (const completion of completions) {
    const { prompt, completion: text, reward, advantage } = completion;
    let group = groups.get(prompt);
    if (!group) groups.set(prompt, (group = { first: completion, rows: new Map() }));
    const row = group.rows.get(text);
    if (row) row.times++;
    else group.rows.set(text, { text, reward, advantage, times: 1 });
  }

  // Four numbers, the borders and the paddings; the rest is shared by the two texts.
  const fixed = 8 + 8 + 7 + 10 + 7;
  const rest = Math.max(24, Math.min(width, 120) - fixed);
  const promptWidth = Math.max(12, Math.floor(rest * 0.45));
  const textWidth = Math.max(12, rest - promptWidth);
  const table = new Table({
    head: ['prompt', 'answer', 'completion', 'times', 'reward', 'advantage'].map((name) => colors.bold(name)),
    colWidths: [promptWidth, 8, textWidth, 7, 8, 10],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right'],
    style: { head: [], border: ['gray'], compact: true },
    wordWrap: false,
  });
  for (const { first, rows } of [...groups.values()].slice(0, limits.prompts)) {
    const sorted = [...rows.values()].sort((a, b) => b.times - a.times);
    sorted.slice(0, limits.rows).forEach((row, i) =>
      table.push([
        i === 0 ? fit(visible(first.prompt.trimEnd()), promptWidth - 2) : '',
        i === 0 ? fit(visible(first.answer), 6) : '',
        fit(visible(row.text), textWidth - 2),
        `${row.times}`,
        (row.advantage > 0 ? colors.green : row.advantage < 0 ? colors.red : colors.dim)(number(row.reward)),
        number(row.advantage),
      ]),
    );
    if (sorted.length > limits.rows)
      table.push(['', '', colors.dim(fit(`and ${sorted.length - limits.rows} others`, textWidth - 2)), '', '', '']);
  }
  return table.toString();
}
