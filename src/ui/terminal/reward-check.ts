/** The result of `check-reward` as a table. */
import colors from 'picocolors';
import stringWidth from 'string-width';
import type { RewardCheck } from '../../data/rewards/check.js';
import { table, type Column } from './table.js';
import { fit, visibleSpaces } from './text.js';
import { number } from '../../common/format.js';

/** @param width columns of the terminal */
export function rewardCheckText(
  { task, completions, spellings, complaints }: RewardCheck,
  width: number,
): string {
  const names = Object.keys(completions[0]?.rewards ?? {});
  const widths = {
    kind: 22,
    extracted: 14,
    reward: Math.max(8, ...names.map(({ length }) => length)),
    right: 5,
  };
  const others = widths.kind + widths.extracted + widths.right + names.length * (widths.reward + 3) + 13;
  const text = Math.max(16, width - others);
  const columns: Column[] = [
    { title: 'kind', width: widths.kind },
    { title: 'completion', width: text },
    { title: 'extracted', width: widths.extracted },
    ...names.map((name): Column => ({ title: name, width: widths.reward, align: 'right' })),
    { title: 'right', width: widths.right },
  ];
  const prompts = [...new Set(completions.map(({ prompt }) => prompt))];
  const tables = prompts.map((prompt) => {
    const rows = completions
      .filter((one) => one.prompt === prompt)
      .map(({ kind, completion, extracted, rewards, correct, errors }) => [
        kind,
        fit(visibleSpaces(completion), text),
        fit(visibleSpaces(extracted), widths.extracted),
        ...names.map((name) => {
          const value = rewards[name] ?? null;
          if (name in errors) return colors.red('fails');
          return value === null ? colors.dim('-') : value > 0 ? colors.green(number(value)) : number(value);
        }),
        correct === null ? colors.red('?') : correct ? colors.green('yes') : 'no',
      ]);
    const { answer } = completions.find((one) => one.prompt === prompt)!;
    const right = `right: ${fit(visibleSpaces(answer), Math.max(8, Math.floor(width / 4)))}`;
    const asked = fit(visibleSpaces(prompt), Math.max(16, width - stringWidth(right) - 2));
    return `${colors.bold(asked)}  ${right}\n${table(columns, rows)}`;
  });
  return [
    `${colors.bold(task)}, ${names.join(', ')}`,
    ...tables,
    ...spellingTables(spellings),
    complaints.length === 0
      ? colors.green('No completion makes it fail, and right ones earn more than wrong and empty ones.')
      : complaints.map((complaint) => colors.red(`  - ${complaint}`)).join('\n'),
  ].join('\n\n');
}

/** How each reward reads the spellings of an answer: a table each. */
function spellingTables(spellings: RewardCheck['spellings']): string[] {
  const columns: Column[] = [
    { title: 'completion', width: 40 },
    { title: 'read as', width: 20 },
  ];
  return [...new Set(spellings.map(({ reward }) => reward))].map((name) => {
    const rows = spellings
      .filter(({ reward }) => reward === name)
      .map(({ text, read }) => [
        fit(visibleSpaces(text), 40),
        read === '' ? colors.dim('nothing') : fit(visibleSpaces(read), 20),
      ]);
    return `How ${colors.bold(name)} reads\n${table(columns, rows)}`;
  });
}
